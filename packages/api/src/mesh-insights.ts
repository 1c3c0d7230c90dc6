import { type DataplaneInsightSpec, type DataplaneSpec, kinds } from "@atoll/resource";
import type { Catalog } from "./catalog.ts";
import { type StatusCount, add, count, noStatus, statusFieldOf, withoutZeros } from "./proxy-status.ts";
import { serviceInsights } from "./service-insights.ts";

export interface MeshInsight {
  dataplanes: StatusCount;
  byType: { standard: StatusCount; gatewayBuiltin: StatusCount; gatewayDelegated: StatusCount };
  kumaDp: Record<string, StatusCount>;
  envoy: Record<string, StatusCount>;
  issuedBackends: Record<string, StatusCount>;
  supportedBackends: Record<string, StatusCount>;
  services: { total: number; internal: number; external: number };
  resources: Record<string, number>;
  policies: Record<string, number>;
}

/** What a mesh holds and how it is doing. Computed when asked. */
export function meshInsight(catalog: Catalog, mesh: string): MeshInsight {
  const insight: MeshInsight = {
    dataplanes: noStatus(),
    byType: { standard: noStatus(), gatewayBuiltin: noStatus(), gatewayDelegated: noStatus() },
    kumaDp: {},
    envoy: {},
    issuedBackends: {},
    supportedBackends: {},
    services: { total: 0, internal: 0, external: 0 },
    resources: {},
    policies: {},
  };
  const insights = new Map(catalog.list("DataplaneInsight", mesh).map(({ resource }) => [resource.name, resource.spec]));
  for (const { resource, zone } of catalog.list("Dataplane", mesh)) {
    const spec = resource.spec as DataplaneSpec;
    const observed = insights.get(resource.name) as DataplaneInsightSpec | undefined;
    const status = catalog.isAway(zone) ? "offline" : statusFieldOf(spec, observed);
    const version = observed?.subscriptions?.at(-1)?.version;
    const gateway = spec.networking?.gateway;
    count(insight.dataplanes, status);
    count(insight.byType[gateway === undefined ? "standard" : gateway.type === "BUILTIN" ? "gatewayBuiltin" : "gatewayDelegated"], status);
    count((insight.kumaDp[version?.kumaDp?.version || "unknown"] ??= noStatus()), status);
    count((insight.envoy[version?.envoy?.version || "unknown"] ??= noStatus()), status);
    if (observed?.mTLS !== undefined) {
      count((insight.issuedBackends[observed.mTLS.issuedBackend ?? ""] ??= noStatus()), status);
      for (const backend of observed.mTLS.supportedBackends ?? []) count((insight.supportedBackends[backend] ??= noStatus()), status);
    }
  }
  const services = serviceInsights(catalog, mesh);
  const external = catalog.list("ExternalService", mesh).length;
  const internal = services.filter(({ type, name }) => type !== "external" && name !== "").length;
  insight.services = { total: internal + external, internal, external };
  for (const kind of kinds) {
    if (kind.scope !== "mesh" || kind.path === "" || kind.type.endsWith("Insight")) continue;
    const total = catalog.list(kind.type, mesh).length;
    if (total === 0) continue;
    insight.resources[kind.type] = total;
    if (kind.policy) insight.policies[kind.type] = total;
  }
  return insight;
}

export function renderMeshInsight(insight: MeshInsight): object {
  const { standard, gatewayBuiltin, gatewayDelegated } = insight.byType;
  const gateway = noStatus();
  add(gateway, gatewayBuiltin);
  add(gateway, gatewayDelegated);
  return {
    dataplanes: withoutZeros(insight.dataplanes),
    ...named("policies", totals(insight.policies)),
    dpVersions: { ...named("kumaDp", counters(insight.kumaDp)), ...named("envoy", counters(insight.envoy)) },
    mTLS: {
      ...named("issuedBackends", counters(insight.issuedBackends)),
      ...named("supportedBackends", counters(insight.supportedBackends)),
    },
    services: withoutZeros(insight.services),
    dataplanesByType: {
      standard: withoutZeros(standard),
      gateway: withoutZeros(gateway),
      gatewayBuiltin: withoutZeros(gatewayBuiltin),
      gatewayDelegated: withoutZeros(gatewayDelegated),
    },
    ...named("resources", totals(insight.resources)),
  };
}

const named = (name: string, value: object) => (Object.keys(value).length > 0 ? { [name]: value } : {});
const sorted = <Value>(record: Record<string, Value>) => Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
const totals = (record: Record<string, number>) => Object.fromEntries(sorted(record).map(([key, total]) => [key, { total }]));
const counters = (record: Record<string, StatusCount>) =>
  Object.fromEntries(sorted(record).map(([key, value]) => [key, withoutZeros(value)]));
