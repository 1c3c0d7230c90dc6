/**
 * The places where the recorded Kuma 2.10.11 and its documents say different things about legacy policies. Every function of
 * this package and the view that must take a side takes it from here, so that switching a mesh to the documents is one value.
 */
export interface PolicyRules {
  /** Which of two equally ranked policies wins. Documents: the oldest; Kuma: the newest (equal times: first by name). */
  equalRank: "newest" | "oldest";
  /** The same for the connection policies of a builtin gateway. */
  gatewayEqualRank: "newest" | "oldest";
  /**
   * When Timeout, Retry, CircuitBreaker, HealthCheck, TrafficLog and the outbound side of TrafficTrace act on a sidecar's
   * outbounds. Documents: always; Kuma: only while the mesh has a TrafficRoute.
   */
  sidecarOutboundPolicies: "whileTrafficRoutesExist" | "always";
  /** Whether a ProxyTemplate's changes of virtual hosts reach a builtin gateway. Documents: yes; Kuma: they have no effect. */
  gatewayVirtualHostChanges: "ignored" | "applied";
  /** Whether a FaultInjection whose source is a builtin gateway's listener acts. Documents: yes; Kuma: it is matched and never made. */
  gatewayFaults: "ignored" | "applied";
}

/** What Kuma 2.10.11 was recorded doing. */
export const recordedRules: PolicyRules = {
  equalRank: "newest",
  sidecarOutboundPolicies: "whileTrafficRoutesExist",
  gatewayVirtualHostChanges: "ignored",
  gatewayEqualRank: "newest",
  gatewayFaults: "ignored",
};

/**
 * The default everywhere: as recorded, but for what documents promise in so many words: a policy acts on whatever its selectors
 * match; and of gateways, "Full" support of fault injections and proxy templates, and the oldest of several connection policies.
 */
export const defaultRules: PolicyRules = {
  ...recordedRules,
  sidecarOutboundPolicies: "always",
  gatewayVirtualHostChanges: "applied",
  gatewayEqualRank: "oldest",
  gatewayFaults: "applied",
};

/** What Kuma's documents promise. */
export const documentedRules: PolicyRules = {
  equalRank: "oldest",
  sidecarOutboundPolicies: "always",
  gatewayVirtualHostChanges: "applied",
  gatewayEqualRank: "oldest",
  gatewayFaults: "applied",
};
