import { selectGateway } from "@atoll/inventory";
import type { ResourceReader } from "@atoll/replica";
import {
  type DataplaneSpec,
  type MeshGatewaySpec,
  type MeshSpec,
  type MetricsBackend,
  type PrometheusConf,
  type Resource,
  isBuiltinGateway,
  tag,
} from "@atoll/resource";

export const monitoringAssignmentType = "type.googleapis.com/kuma.observability.v1.MonitoringAssignment";

/** Where Prometheus reads one proxy's metrics, as its `kuma_sd_configs` takes it. */
export interface MonitoringAssignment {
  "@type": typeof monitoringAssignmentType;
  mesh: string;
  service: string;
  targets: [{ name: string; scheme: "http" | "https"; address: string; metrics_path: string; labels: Record<string, string> }];
}

/** One for each dataplane of a zone whose mesh has a Prometheus backend in use, sorted by mesh and name. Pure. */
export function monitoringAssignments(config: ResourceReader, zone: ResourceReader): MonitoringAssignment[] {
  const compare = (a: Resource, b: Resource) => (a.mesh === b.mesh ? (a.name < b.name ? -1 : 1) : a.mesh < b.mesh ? -1 : 1);
  return zone
    .list<DataplaneSpec>("Dataplane")
    .toSorted(compare)
    .flatMap((dataplane) => {
      const conf = prometheusOf(config.get<MeshSpec>("Mesh", "", dataplane.mesh)?.spec, dataplane.spec);
      return conf === undefined ? [] : [assignment(dataplane, conf, config.list<MeshGatewaySpec>("MeshGateway", dataplane.mesh))];
    });
}

function prometheusOf(mesh: MeshSpec | undefined, dataplane: DataplaneSpec): PrometheusConf | undefined {
  const { enabledBackend = "", backends = [] } = mesh?.metrics ?? {};
  const backend = enabledBackend === "" ? undefined : backends.find(({ name }) => name === enabledBackend);
  if (backend?.type !== "prometheus") return undefined;
  const own = dataplane.metrics as MetricsBackend | undefined;
  return { ...(backend.conf as PrometheusConf), ...(own?.type === "prometheus" && (own.conf as PrometheusConf)) };
}

function assignment(
  { mesh, name, spec }: Resource<DataplaneSpec>,
  { port = 5670, path = "/metrics", tls }: PrometheusConf,
  gateways: readonly Resource<MeshGatewaySpec>[],
): MonitoringAssignment {
  const values = tagValues(spec);
  const { address, advertisedAddress } = spec.networking;
  const host = advertisedAddress || address;
  const labels = labelsOf(values);
  if (isBuiltinGateway(spec)) labels["kuma_io_mesh_gateway"] = selectGateway(gateways, spec.networking.gateway!.tags)?.gateway.name ?? "";
  return {
    "@type": monitoringAssignmentType,
    mesh,
    service: values.get(tag.service)?.[0] ?? "unknown",
    targets: [
      {
        name,
        scheme: tls?.mode === "providedTLS" ? "https" : "http",
        address: `${host.includes(":") ? `[${host}]` : host}:${port}`,
        metrics_path: path,
        labels: Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))),
      },
    ],
  };
}

/** Every value of every tag over the inbounds and the gateway, both sorted. */
function tagValues({ networking }: DataplaneSpec): Map<string, string[]> {
  const sets = [...(networking.inbound ?? []).map(({ tags }) => tags), ...(networking.gateway ? [networking.gateway.tags] : [])];
  const pairs = sets.flatMap((tags) => Object.entries(tags)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map([...Map.groupBy(pairs, ([key]) => key)].map(([key, all]) => [key, [...new Set(all.map(([, value]) => value))].sort()]));
}

/** A tag's first value and, under its plural, all of them: `,a,b,`, so that queries need no clever expressions. */
function labelsOf(values: ReadonlyMap<string, readonly string[]>): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, all] of values) {
    labels[labelName(key)] = all[0] ?? "";
    labels[labelName(`${key}s`)] = `,${all.join(",")},`;
  }
  return labels;
}

const labelName = (key: string) => key.replaceAll(/[^a-zA-Z0-9_]/g, "_");
