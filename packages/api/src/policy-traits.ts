export interface PolicyTraits {
  hasFromTargetRef: boolean;
  hasToTargetRef: boolean;
  isFromAsRules: boolean;
  isTargetRef: boolean;
}

/** Which parts a targetRef policy has; `f` = from, `t` = to, `r` = its from entries act as rules. Legacy policies have none. */
const parts: Readonly<Record<string, string>> = {
  MeshAccessLog: "ftr",
  MeshCircuitBreaker: "ftr",
  MeshFaultInjection: "ft",
  MeshHTTPRoute: "t",
  MeshHealthCheck: "t",
  MeshLoadBalancingStrategy: "t",
  MeshMetric: "",
  MeshPassthrough: "",
  MeshProxyPatch: "",
  MeshRateLimit: "ftr",
  MeshRetry: "t",
  MeshTCPRoute: "t",
  MeshTLS: "fr",
  MeshTimeout: "ftr",
  MeshTrace: "",
  MeshTrafficPermission: "f",
};

export function policyTraits(type: string): PolicyTraits {
  const has = parts[type];
  return {
    hasFromTargetRef: has?.includes("f") === true,
    hasToTargetRef: has?.includes("t") === true,
    isFromAsRules: has?.includes("r") === true,
    isTargetRef: has !== undefined,
  };
}
