import { sampleKey } from "./prometheus-text.ts";
import type { MetricFamily, Sample } from "./prometheus-text.ts";

const clusterLabel = "envoy_cluster_name";
const httpLabel = "envoy_http_conn_manager_prefix";
const notMesh = {
  [clusterLabel]: ["ads_cluster", "access_log_sink", "kuma_envoy_admin", "kuma_metrics_hijacker"],
  [httpLabel]: ["admin", "kuma_envoy_admin", "kuma_metrics_prometheus"],
};
/** Clusters of one service, which are told apart by a hash of what they are for. */
const hashed = /-[0-9a-fA-F]{16}$/;

/** Envoy's metrics as the `metrics` of a Mesh have them: one sum for all clusters of a service, and a label on what is traffic of the mesh. */
export function asMeshTraffic(families: readonly MetricFamily[]): MetricFamily[] {
  return families.map((family) => {
    const samples = family.samples.map((sample): Sample => {
      const cluster = sample.labels[clusterLabel]?.replace(hashed, "");
      const label = cluster === undefined ? httpLabel : clusterLabel;
      const of = cluster ?? sample.labels[httpLabel];
      if (of === undefined) return sample;
      return {
        ...sample,
        labels: {
          ...sample.labels,
          ...(cluster === undefined ? {} : { [clusterLabel]: cluster }),
          ...(notMesh[label].includes(of) ? {} : { kuma_io_mesh_traffic: "true" }),
        },
      };
    });
    return { ...family, samples: summed(samples) };
  });
}

function summed(samples: readonly Sample[]): Sample[] {
  const sums = new Map<string, Sample>();
  for (const sample of samples) {
    const key = sampleKey(sample);
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { ...sample });
    else known.value += sample.value;
  }
  return [...sums.values()];
}
