import type { ProxyKind } from "@atoll/view";

const special: [prefix: string, origin: string][] = [
  ["inbound:passthrough:", "transparent"],
  ["outbound:passthrough:", "transparent"],
  ["kuma:dns", "dns"],
  ["kuma:metrics:", "prometheus"],
  ["_kuma:metrics:opentelemetry:", "open-telemetry"],
  ["_kuma:metrics:", "prometheus"],
  ["_kuma:dynamicconfig:", "dynamic-config"],
  ["kuma:envoy:admin", "admin"],
  ["kuma:readiness", "admin"],
  ["tracing:", "tracing"],
  ["meshtrace:", "mesh-trace"],
  ["meshaccesslog:", "meshaccesslog"],
  ["meshpassthrough_", "meshpassthrough"],
  ["direct_access", "direct-access"],
  ["probe:", "probe"],
];

/** Which part of a proxy's job an Envoy resource belongs to, as modifications name it. Told by its name. */
export function originOf(kind: ProxyKind, name: string): string {
  const found = special.find(([prefix]) => name.startsWith(prefix));
  if (found) return found[1];
  if (kind !== "sidecar") return kind;
  return name.startsWith("inbound:") || name.startsWith("localhost:") ? "inbound" : "outbound";
}
