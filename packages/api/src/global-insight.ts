import { type ZoneInsightSpec, isOnline, kinds } from "@atoll/resource";
import type { Catalog } from "./catalog.ts";
import { meshInsight } from "./mesh-insights.ts";
import { type StatusCount, add, noStatus } from "./proxy-status.ts";
import { serviceInsights } from "./service-insights.ts";

/** Sums over all meshes and zones. `zoneInsight` answers the spec of a zone's ZoneInsight, if it has one. */
export function globalInsight(catalog: Catalog, zoneInsight: (zone: string) => ZoneInsightSpec | undefined, at: string): object {
  const meshes = catalog.list("Mesh").map(({ resource }) => resource.name);
  const insights = meshes.map((mesh) => meshInsight(catalog, mesh));
  const services = meshes.flatMap((mesh) => serviceInsights(catalog, mesh));
  const resources: Record<string, { total: number }> = {};
  for (const insight of insights) {
    for (const [type, total] of Object.entries(insight.resources)) (resources[type] ??= { total: 0 }).total += total;
  }
  const ofType = (type: string) => {
    const counter = noStatus();
    for (const service of services.filter((each) => each.type === type)) {
      counter.total++;
      if (service.status !== "not_available") counter[service.status === "partially_degraded" ? "partiallyDegraded" : service.status]++;
    }
    return inOrder(counter);
  };
  const online = (specs: readonly ZoneInsightSpec[]) => ({ online: specs.filter((spec) => isOnline(spec)).length, total: specs.length });
  const specsOf = (type: string) => catalog.list(type).map(({ resource }) => resource.spec as ZoneInsightSpec);
  return {
    createdAt: at,
    dataplanes: {
      gatewayBuiltin: inOrder(sum(insights.map(({ byType }) => byType.gatewayBuiltin))),
      gatewayDelegated: inOrder(sum(insights.map(({ byType }) => byType.gatewayDelegated))),
      standard: inOrder(sum(insights.map(({ byType }) => byType.standard))),
    },
    meshes: { total: meshes.length },
    policies: { total: insights.flatMap(({ policies }) => Object.values(policies)).reduce((a, b) => a + b, 0) },
    resources: Object.fromEntries(Object.entries(resources).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    services: {
      external: { total: services.filter(({ type }) => type === "external").length },
      gatewayBuiltin: ofType("gateway_builtin"),
      gatewayDelegated: ofType("gateway_delegated"),
      internal: ofType("internal"),
    },
    zones: {
      controlPlanes: online(
        catalog
          .list("Zone")
          .map(({ resource }) => zoneInsight(resource.name))
          .filter((spec) => spec !== undefined),
      ),
      zoneEgresses: online(specsOf("ZoneEgressInsight")),
      zoneIngresses: online(specsOf("ZoneIngressInsight")),
    },
  };
}

/** How many resources of each kind of global scope there are. */
export function globalResourceTotals(catalog: Catalog, at: string): object {
  const counted = kinds.filter(({ scope, path, type }) => scope === "global" && path !== "" && !type.endsWith("Insight"));
  return {
    type: "GlobalInsights",
    creationTime: at,
    resources: Object.fromEntries(
      counted.map(({ type }) => [type, { total: catalog.list(type).length }] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

const inOrder = ({ offline, online, partiallyDegraded, total }: StatusCount) => ({ offline, online, partiallyDegraded, total });

function sum(counters: readonly StatusCount[]): StatusCount {
  const result = noStatus();
  for (const counter of counters) add(result, counter);
  return result;
}
