import type { DataplaneSpec } from "./specs/dataplane.ts";
import type { MeshSpec, MetricsBackend, PrometheusConf } from "./specs/mesh.ts";

/**
 * How Prometheus reads a dataplane by the metrics backend that its mesh has enabled: what the dataplane says itself wins, of applications
 * by their names. undefined without such a backend.
 */
export function meshPrometheusOf(mesh: MeshSpec | undefined, dataplane: DataplaneSpec): PrometheusConf | undefined {
  const { enabledBackend = "", backends = [] } = mesh?.metrics ?? {};
  const backend = enabledBackend === "" ? undefined : backends.find(({ name }) => name === enabledBackend);
  if (backend?.type !== "prometheus") return undefined;
  const general = backend.conf as PrometheusConf;
  const own = dataplane.metrics as MetricsBackend | undefined;
  if (own?.type !== "prometheus") return general;
  const special = own.conf as PrometheusConf;
  const aggregate = [...(general.aggregate ?? []), ...(special.aggregate ?? [])];
  const merged = [...new Map(aggregate.map((one) => [one.name, one])).values()];
  return { ...general, ...special, ...(merged.length > 0 && { aggregate: merged }) };
}
