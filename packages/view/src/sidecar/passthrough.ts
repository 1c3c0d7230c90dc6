import { passthrough } from "@atoll/policy";
import type { Passthrough, ProxyPolicies } from "@atoll/policy";
import { statName } from "../names.ts";
import type { Dataplane } from "../dataplane.ts";
import { passthroughParts } from "../policies/passthrough.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { AccessLogView, ListenerView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";

const connectTimeoutMs = 5_000;
const families = [
  { family: "ipv4", any: "0.0.0.0", source: "127.0.0.6" },
  { family: "ipv6", any: "::", source: "::6" },
] as const;

/**
 * The listeners that catch what a transparently proxied workload sends and gets, for traffic no other listener takes. Where it may not
 * leave the mesh there is no cluster for it: the connection is then closed. `logs`: of requests, and of connections, to the outside.
 */
export function addPassthrough(
  builder: ViewBuilder,
  policies: ProxyPolicies,
  dataplane: Dataplane,
  logs: (kind: "http" | "network") => AccessLogView[],
): void {
  const { mesh } = policies.mesh;
  const byMesh = mesh.spec.networking?.outbound?.passthrough !== false;
  const said = policies.answer(passthrough);
  const mode: Passthrough = said.conf ?? { mode: byMesh ? "all" : "none" };
  const { redirectPortInbound, redirectPortOutbound, ipFamilyMode } = dataplane.spec.networking.transparentProxying ?? {};
  if (!redirectPortInbound || !redirectPortOutbound) return;
  const reasonsFor = (direction: "inbound" | "outbound") => (): Reasons => ({
    from: [refOf(dataplane, "transparentProxying"), refOf(mesh, `passthrough ${byMesh}`)],
    policies: direction === "outbound" ? said.account() : [],
  });
  for (const { family, any, source } of families) {
    if (family === "ipv6" && ipFamilyMode === "IPv4") continue;
    for (const direction of ["inbound", "outbound"] as const) {
      const name = `${direction}:passthrough:${family}`;
      const reasons = reasonsFor(direction);
      const common = { discovery: { type: "originalDst" as const }, connectTimeoutMs };
      if (direction === "inbound")
        builder.cluster({ name, altStatName: statName(name), ...common, sourceAddress: source }, undefined, reasons);
      else if (mode.mode === "all") builder.cluster({ name, altStatName: statName(name), ...common }, undefined, reasons);
      const matched = direction === "outbound" && mode.mode === "matched" ? passthroughParts(mode.matches, family, logs) : undefined;
      for (const cluster of matched?.clusters ?? []) builder.cluster({ ...cluster, ...common }, undefined, reasons);
      builder.listener(
        {
          name,
          address: any,
          port: direction === "inbound" ? redirectPortInbound : redirectPortOutbound,
          direction,
          originalDst: true,
          ...(direction === "inbound" ? { reusePort: false } : {}),
          ...(matched ? { inspectors: matched.inspectors, chains: matched.chains } : anywhere(name, direction, logs)),
        },
        reasons,
      );
    }
  }
}

function anywhere(
  name: string,
  direction: "inbound" | "outbound",
  logs: (kind: "network") => AccessLogView[],
): Pick<ListenerView, "chains"> {
  const accessLogs = direction === "outbound" ? logs("network") : [];
  return {
    chains: [
      {
        filter: {
          ...{ type: "tcp", statPrefix: statName(name), clusters: [{ name, weight: 1 }] },
          ...(accessLogs.length > 0 ? { accessLogs } : {}),
        },
      },
    ],
  };
}
