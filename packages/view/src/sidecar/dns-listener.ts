import { isIPv4 } from "node:net";
import { callsByName } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { ListenerView } from "../proxy-view.ts";
import { namedAddresses } from "../services/real-addresses.ts";
import { refOf } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";

const listenerName = "kuma:dns";
const listenAddress = "127.0.0.1";
const ttlSeconds = 30;

/**
 * Resolves the names of the mesh for a transparently proxied workload, on the port that its launcher asked for. A name is there while the
 * workload has an outbound on its address (`addresses`).
 */
export function addDnsListener(
  builder: ViewBuilder,
  context: MeshContext,
  dataplane: Dataplane,
  dnsPort: number | undefined,
  addresses: ReadonlySet<string>,
): void {
  if (!dnsPort || !callsByName(dataplane)) return;
  const bothFamilies = dataplane.spec.networking.transparentProxying?.ipFamilyMode !== "IPv4";
  const known = [...context.virtualIps.filter(({ address }) => addresses.has(address)), ...namedAddresses(context, addresses)];
  const asked = new Set(known.map(({ address }) => address));
  const key = JSON.stringify([dnsPort, bothFamilies, known.map(({ address }) => address)]);
  // Every workload that may call the same services gets the same table.
  builder.listener(
    context.memo.share(`dns/${key}`, (): ListenerView => {
      const table = new Map<string, string[]>();
      for (const { address, domains } of [...context.virtualIps, ...namedAddresses(context, asked)]) {
        if (!asked.has(address)) continue;
        const answers = bothFamilies && isIPv4(address) ? [address, mappedToV6(address)] : [address];
        // Names that differ in case are one name (RFC 4343), and Envoy compares bytes: who asks in lower case is understood.
        for (const name of domains.map((one) => one.toLowerCase())) if (!table.has(name)) table.set(name, answers);
      }
      const domains = [...table].map(([name, answers]) => ({ name, addresses: answers }));
      return {
        name: listenerName,
        address: listenAddress,
        port: dnsPort,
        protocol: "udp",
        direction: "inbound",
        reusePort: true,
        chains: [],
        dns: { ttlSeconds, domains: domains.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) },
      };
    }),
    () => ({ from: [refOf(dataplane, "transparentProxying"), refOf(context.mesh, "virtual IPs")], policies: [] }),
  );
}

/** `240.0.0.1` as `::ffff:f000:1`. */
function mappedToV6(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return `::ffff:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
