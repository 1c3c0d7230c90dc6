import { type MeshSpec, type MetricsBackend, type PrometheusConf, prometheusConf } from "./specs/mesh.ts";
import { struct } from "./schema/codec.ts";
import { tag } from "./tags.ts";

const metricsPort = 5670;
const metricsPath = "/metrics";
const metricsService = "dataplane-metrics";

/** The mesh with the defaults that are part of the stored object: those of its Prometheus backends. */
export function meshWithDefaults(spec: MeshSpec): MeshSpec {
  if (!spec.metrics?.backends) return spec;
  return { ...spec, metrics: { ...spec.metrics, backends: spec.metrics.backends.map(metricsWithDefaults) } };
}

function metricsWithDefaults(backend: MetricsBackend): MetricsBackend {
  if (backend.type !== "prometheus") return backend;
  const conf = prometheusConf.read(backend.conf ?? {});
  const tls: PrometheusConf["tls"] = conf.tls ?? (conf.skipMTLS ? { mode: "disabled" } : {});
  const complete = {
    ...conf,
    port: conf.port ?? metricsPort,
    path: conf.path ?? metricsPath,
    tags: conf.tags ?? { [tag.service]: metricsService },
    tls,
  };
  return { ...backend, conf: struct.read(complete) };
}
