import type { EnvoyResourceChange, FleetProxy, ProxyEffects } from "@atoll/resource";

export type ZonedProxy = FleetProxy & { zone: string };

/** `fleet` of an answer: how the connected proxies of all zones differ between two states of the configuration. */
export interface FleetChanges {
  /** By zone: how many of its proxies were looked at, and how many differ; or why nobody could tell. */
  zones: Record<string, { proxies: number; changed: number; missing?: string[] } | { error: string }>;
  /** Most proxies first. Those of a group change in the same way, to the byte. */
  groups: { proxies: ZonedProxy[]; resources: EnvoyResourceChange[]; effects: ProxyEffects }[];
  unbuilt: (ZonedProxy & { reason: string })[];
}

/** Without what a zone proxy has none of. */
export const proxyName = ({ zone, mesh, name }: ZonedProxy): string => [zone, mesh, name].filter((part) => part !== "").join("/");

/** What a change does besides what its resources say, a sentence each, the worst first. */
export function effectTexts({ drained, certificates, unreachable, denied = [], withheld = [] }: ProxyEffects): string[] {
  return [
    ...(unreachable ? [`nothing is reachable any more at ${unreachable.join(", ")}`] : []),
    ...denied.map(
      ({ listener, principals }) => `denied at ${listener}: ${principals.map((one) => (one === "*" ? "everybody else" : one)).join(", ")}`,
    ),
    ...(drained ? [`connections are drained at ${drained.join(", ")}`] : []),
    ...(certificates ? [`new certificates: ${certificates.join(", ")}`] : []),
    ...withheld.map(({ part, reason }) => `Envoy would not take ${part}, the rest is served: ${reason}`),
  ];
}
