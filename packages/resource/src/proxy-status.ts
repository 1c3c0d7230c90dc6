import { isHealthyInbound } from "./dataplane.ts";
import type { DataplaneSpec } from "./specs/index.ts";

export type ProxyStatus = "Online" | "Offline" | "Partially degraded";

interface Subscribed {
  subscriptions?: { connectTime?: string; disconnectTime?: string }[];
}

/** A proxy or zone is online while any of its subscriptions is connected. */
export const isOnline = (insight: Subscribed | undefined): boolean =>
  insight?.subscriptions?.some((one) => one.connectTime !== undefined && one.disconnectTime === undefined) ?? false;

/** Every stream of the proxy has ended. One that was never seen is not offline: it may be served by nobody we know of. */
export const isOffline = (insight: Subscribed | undefined): boolean => (insight?.subscriptions ?? []).length > 0 && !isOnline(insight);

/** Status of a dataplane. Gateways are not judged by inbounds. */
export function dataplaneStatus(spec: DataplaneSpec, insight: Subscribed | undefined): ProxyStatus {
  if (!isOnline(insight)) return "Offline";
  if (spec.networking.gateway) return "Online";
  const inbounds = (spec.networking.inbound ?? []).filter((one) => one.state !== "Ignored");
  const ready = inbounds.filter(isHealthyInbound).length;
  if (ready === inbounds.length) return "Online";
  return ready === 0 ? "Offline" : "Partially degraded";
}

/** Status of a zone ingress, a zone egress or a zone. */
export const connectionStatus = (insight: Subscribed | undefined): ProxyStatus => (isOnline(insight) ? "Online" : "Offline");
