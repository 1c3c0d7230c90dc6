import { anyValue } from "@atoll/policy";
import { inboundInterfaces, isTransparent } from "../dataplane.ts";
import { identitySecret, meshCaSecret, serviceTag, spiffeId, statName } from "../names.ts";
import { meshAlpn } from "../mesh-tls.ts";
import type { AccessLogView } from "../proxy-view.ts";
import { meshSection, refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { OutboundScope } from "./outbound-scope.ts";

const clusterName = "direct_access";
const connectTimeoutMs = 5_000;

/**
 * Lets a transparently proxied workload call single instances of the services in `directAccessServices` by their own addresses (`*`: of
 * all services of its zone). Which service answers is not known beforehand, so any identity of the mesh is accepted. `taken` are the
 * `address:port` that have listeners already; `logsOf` are those of a connection to a name.
 */
export function addDirectAccess(
  { builder, context, dataplane, clientTls }: Pick<OutboundScope, "builder" | "context" | "dataplane" | "clientTls">,
  taken: ReadonlySet<string>,
  logsOf: (destination: string) => AccessLogView[],
): void {
  const wanted = new Set(dataplane.spec.networking.transparentProxying?.directAccessServices ?? []);
  if (wanted.size === 0 || !isTransparent(dataplane)) return;
  const addresses = new Map<string, { address: string; port: number }>();
  const called = wanted.has(anyValue) ? context.dataplanes : [...wanted].flatMap((service) => context.workloadsOf(service));
  for (const other of called) {
    if (other.name === dataplane.name || other.spec.networking.gateway) continue;
    for (const { tags, routableAddress, port } of inboundInterfaces(other)) {
      const service = tags[serviceTag] ?? "";
      if (!wanted.has(anyValue) && !wanted.has(service)) continue;
      for (const at of context.zone.dial(routableAddress, port)) {
        const key = `${at.address}:${at.port}`;
        if (!taken.has(key)) addresses.set(key, at);
      }
    }
  }
  if (addresses.size === 0) return;
  const reasons = (): Reasons => ({
    from: [refOf(dataplane, "directAccessServices"), refOf(context.mesh, meshSection(context))],
    policies: context.mtls === "off" ? [] : clientTls.account(),
  });
  builder.cluster(
    {
      name: clusterName,
      discovery: { type: "originalDst" },
      connectTimeoutMs,
      ...(context.mtls === "off"
        ? {}
        : {
            tls: {
              certificate: identitySecret(context.name),
              ca: meshCaSecret(context.name),
              sans: [{ type: "uri", prefix: spiffeId(context.name, "") }],
              alpn: [meshAlpn],
              ...clientTls.conf?.parameters,
            },
          }),
    },
    undefined,
    reasons,
  );
  for (const [key, { address, port }] of addresses) {
    const name = `${clusterName}_${key}`;
    const accessLogs = logsOf(name);
    builder.listener(
      {
        name,
        address,
        port,
        direction: "outbound",
        bindToPort: false,
        chains: [
          {
            filter: {
              ...{ type: "tcp", statPrefix: statName(name), clusters: [{ name: clusterName, weight: 1 }] },
              ...(accessLogs.length > 0 ? { accessLogs } : {}),
            },
          },
        ],
      },
      reasons,
    );
  }
}
