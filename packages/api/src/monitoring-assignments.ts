import { type Metrics, chooseDataplanePolicy, matchPolicies, metricLabels, metricsOf, singleRule } from "@atoll/policy";
import type { ResourceReader } from "@atoll/replica";
import {
  type DataplaneSpec,
  type MeshGatewaySpec,
  type MeshSpec,
  type Resource,
  hostAndPort,
  identifyingServiceOf,
  isBuiltinGateway,
  meshPrometheusOf,
  tagSetsOf,
} from "@atoll/resource";

export const monitoringAssignmentType = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

/** Where Prometheus reads one proxy's metrics, as its `kuma_sd_configs` takes it. */
export interface MonitoringAssignment {
  "@type": typeof monitoringAssignmentType;
  mesh: string;
  service: string;
  targets: [{ name: string; scheme: "http" | "https"; address: string; metrics_path: string; labels: Record<string, string> }];
}

/**
 * What a Prometheus is to read of a zone, sorted by mesh and name: one for each dataplane that a MeshMetric is for, or whose mesh has a
 * Prometheus backend in use. `client` gets what MeshMetrics have for it; one that no MeshMetric names gets what is for nobody by name. Pure.
 */
export function monitoringAssignments(config: ResourceReader, zone: ResourceReader, client = ""): MonitoringAssignment[] {
  const compare = (a: Resource, b: Resource) => (a.mesh === b.mesh ? (a.name < b.name ? -1 : 1) : a.mesh < b.mesh ? -1 : 1);
  const all = zone
    .list<DataplaneSpec>("Dataplane")
    .toSorted(compare)
    .flatMap((dataplane) => targetsOf(config, dataplane));
  const named = all.some((one) => one.client === client);
  return all.flatMap((one) => (one.client === (named ? client : undefined) ? [one.assignment] : []));
}

interface ClientTarget {
  /** undefined: whoever is not named by another. */
  client: string | undefined;
  assignment: MonitoringAssignment;
}

function targetsOf(config: ResourceReader, dataplane: Resource<DataplaneSpec>): ClientTarget[] {
  const { mesh, spec } = dataplane;
  const gateways = config.list<MeshGatewaySpec>("MeshGateway", mesh);
  const gateway = isBuiltinGateway(spec) ? chooseDataplanePolicy(gateways, tagSetsOf(spec)) : undefined;
  const chosen = config.list("MeshMetric", mesh).length === 0 ? undefined : meshMetric(config, dataplane, gateway);
  if (chosen) {
    // The proxy puts labels on its metrics itself.
    return chosen.scraped.map(({ client, port, path, tls }) => ({
      client,
      assignment: assignment(dataplane, { port, path, secure: tls === "files", labels: {} }),
    }));
  }
  const conf = meshPrometheusOf(config.get<MeshSpec>("Mesh", "", mesh)?.spec, spec);
  if (!conf) return [];
  const { port = 5670, path = "/metrics", tls } = conf;
  const labels = metricLabels(spec, gateway?.name);
  return [{ client: undefined, assignment: assignment(dataplane, { port, path, secure: tls?.mode === "providedTLS", labels }) }];
}

function meshMetric(
  config: ResourceReader,
  dataplane: Resource<DataplaneSpec>,
  gateway: Resource<MeshGatewaySpec> | undefined,
): Metrics | undefined {
  const mesh = { resources: (type: string) => config.list(type, dataplane.mesh) };
  const rule = singleRule(matchPolicies("MeshMetric", { dataplane, gateway }, mesh).policies);
  return rule && metricsOf(rule.conf as Parameters<typeof metricsOf>[0]);
}

function assignment(
  { mesh, name, spec }: Resource<DataplaneSpec>,
  { port, path, secure, labels }: { port: number; path: string; secure: boolean; labels: Record<string, string> },
): MonitoringAssignment {
  const { address, advertisedAddress } = spec.networking;
  const target = hostAndPort(advertisedAddress || address, port);
  return {
    "@type": monitoringAssignmentType,
    mesh,
    service: identifyingServiceOf(spec),
    targets: [{ name, scheme: secure ? "https" : "http", address: target, metrics_path: path, labels }],
  };
}
