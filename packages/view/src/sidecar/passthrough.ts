import { statName } from "../names.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { AccessLogView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";

const connectTimeoutMs = 5_000;
const families = [
  { family: "ipv4", any: "0.0.0.0", source: "127.0.0.6" },
  { family: "ipv6", any: "::", source: "::6" },
] as const;

/**
 * The listeners that catch what a transparently proxied workload sends and gets, for traffic no other listener takes. The
 * outbound cluster is missing while the mesh forbids traffic to the outside: the connection is then closed.
 */
export function addPassthrough(builder: ViewBuilder, context: MeshContext, dataplane: Dataplane, accessLogs: AccessLogView[]): void {
  const { networking } = dataplane.spec;
  const outsideAllowed = context.mesh.spec.networking?.outbound?.passthrough !== false;
  const { redirectPortInbound, redirectPortOutbound, ipFamilyMode } = networking.transparentProxying ?? {};
  if (!redirectPortInbound || !redirectPortOutbound) return;
  const reasons = (): Reasons => ({
    from: [refOf(dataplane, "transparentProxying"), refOf(context.mesh, `passthrough ${outsideAllowed}`)],
    policies: [],
  });
  for (const { family, any, source } of families) {
    if (family === "ipv6" && ipFamilyMode === "IPv4") continue;
    for (const direction of ["inbound", "outbound"] as const) {
      const name = `${direction}:passthrough:${family}`;
      if (direction === "inbound" || outsideAllowed) {
        builder.cluster(
          {
            name,
            altStatName: statName(name),
            discovery: { type: "originalDst" },
            connectTimeoutMs,
            ...(direction === "inbound" ? { sourceAddress: source } : {}),
          },
          undefined,
          reasons,
        );
      }
      builder.listener(
        {
          name,
          address: any,
          port: direction === "inbound" ? redirectPortInbound : redirectPortOutbound,
          direction,
          originalDst: true,
          ...(direction === "inbound" ? { reusePort: false } : {}),
          chains: [
            {
              filter: {
                ...{ type: "tcp", statPrefix: statName(name), clusters: [{ name, weight: 1 }] },
                ...(direction === "outbound" && accessLogs.length > 0 ? { accessLogs } : {}),
              },
            },
          ],
        },
        reasons,
      );
    }
  }
}
