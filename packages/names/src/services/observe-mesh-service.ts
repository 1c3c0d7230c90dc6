import {
  isOnline,
  tag,
  tagSetsOf,
  type DataplaneInsightSpec,
  type DataplaneSpec,
  type MeshServicePort,
  type MeshServiceSpec,
  type Resource,
  type ServiceRecord,
} from "@atoll/resource";
import { isTargetOf } from "./target-port.ts";

type Observed = NonNullable<ServiceRecord["observed"]>;

interface Seen {
  spec: MeshServiceSpec;
  hasMutualTls: boolean;
  before: Observed | undefined;
  observed: Observed;
}

/** By the Dataplanes, which stay the same array while none of them has changed and none was touched. */
const seen = new WeakMap<readonly Resource<DataplaneSpec>[], Seen>();

/** What a zone observes of one of its MeshServices, looked at again when it may be another. `dataplanes` are those that it selects. */
export function observedMeshService(
  spec: MeshServiceSpec,
  dataplanes: readonly Resource<DataplaneSpec>[],
  insightOf: (dataplane: string) => DataplaneInsightSpec | undefined,
  { hasMutualTls }: { hasMutualTls: boolean },
  before: Observed | undefined,
): Observed {
  const known = seen.get(dataplanes);
  if (known?.spec === spec && known.hasMutualTls === hasMutualTls && known.before === before) return known.observed;
  const observed = observeMeshService(spec, dataplanes, insightOf, { hasMutualTls }, before);
  seen.set(dataplanes, { spec, hasMutualTls, before, observed });
  return observed;
}

function observeMeshService(
  { ports = [] }: MeshServiceSpec,
  dataplanes: readonly Resource<DataplaneSpec>[],
  insightOf: (dataplane: string) => DataplaneInsightSpec | undefined,
  mesh: { hasMutualTls: boolean },
  before: Observed | undefined,
): Observed {
  let connected = 0;
  let healthy = 0;
  let withCertificate = 0;
  for (const { name, spec } of dataplanes) {
    const insight = insightOf(name);
    if (isOnline(insight)) connected++;
    if (insight?.mTLS?.issuedBackend) withCertificate++;
    if (ports.every((port) => isServed(port, spec))) healthy++;
  }
  const total = dataplanes.length;
  const services = new Set(dataplanes.flatMap(({ spec }) => tagSetsOf(spec).flatMap((tags) => tags[tag.service] ?? [])));
  // One way while the mesh has mutual TLS: a proxy that is new gets its certificate before anything else.
  const isReady = mesh.hasMutualTls && (before?.tls.status === "Ready" || withCertificate === total);
  return {
    tls: { status: isReady ? "Ready" : "NotReady" },
    dataplaneProxies: { ...(connected > 0 && { connected }), ...(healthy > 0 && { healthy }), ...(total > 0 && { total }) },
    identities: [...services].sort().map((value) => ({ type: "ServiceTag", value })),
    state: healthy > 0 ? "Available" : "Unavailable",
  };
}

const isServed = (port: MeshServicePort, { networking }: DataplaneSpec): boolean =>
  (networking.inbound ?? []).some((inbound) => (inbound.state ?? "Ready") === "Ready" && isTargetOf(port, inbound));
