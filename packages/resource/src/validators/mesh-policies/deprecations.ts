import type { TargetRef } from "../../specs/plugin-policy.ts";

interface Policy {
  targetRef?: TargetRef;
  from?: { targetRef: TargetRef }[];
  to?: { targetRef: TargetRef; default?: { healthyPanicThreshold?: unknown; loadBalancer?: LoadBalancer } }[];
}

interface LoadBalancer {
  type: string;
  ringHash?: { hashPolicies?: { type: string }[] };
  maglev?: { hashPolicies?: { type: string }[] };
}

function top({ targetRef }: Policy): string[] {
  if (targetRef?.kind === "MeshService")
    return ["MeshService value for 'targetRef.kind' is deprecated, use MeshSubset with 'kuma.io/service' tag instead"];
  if (targetRef?.kind === "MeshSubset") return ["MeshSubset value for 'targetRef.kind' is deprecated, use Dataplane with labels instead"];
  return [];
}

const rulesRatherThanFrom = (policy: Policy): string[] => [
  ...((policy.from ?? []).length > 0 ? ["'from' field is deprecated, use 'rules' instead"] : []),
  ...top(policy),
];

const servicesAsCallers = (policy: Policy): string[] => [
  ...top(policy),
  ...(policy.from ?? [])
    .filter(({ targetRef }) => targetRef.kind === "MeshService")
    .map(() => "MeshService value for 'from[].targetRef.kind' is deprecated, use MeshSubset with 'kuma.io/service' instead"),
];

const panicThreshold = (policy: Policy): string[] => [
  ...top(policy),
  ...(policy.to ?? [])
    .filter((item) => item.default?.healthyPanicThreshold !== undefined)
    .map(
      () =>
        "healthyPanicThreshold for 'to[].default' is deprecated. The setting has been moved to MeshCircuitBreaker policy, please use MeshCircuitBreaker policy instead.",
    ),
];

function sourceIp(policy: Policy): string[] {
  const said = (policy.to ?? []).flatMap((item, index) => {
    const balancer = item.default?.loadBalancer;
    const part = balancer?.type === "RingHash" ? "ringHash" : balancer?.type === "Maglev" ? "maglev" : undefined;
    if (part === undefined) return [];
    return (balancer?.[part]?.hashPolicies ?? []).flatMap(({ type }, place) =>
      type === "SourceIP"
        ? [
            `SourceIP type for 'spec.to[${index}].default.loadBalancer.${part}.hashPolicies[${place}].type' is deprecated, use Connection instead`,
          ]
        : [],
    );
  });
  return [...said, ...top(policy)];
}

const none = (): string[] => [];

const byType: Readonly<Record<string, (policy: Policy) => string[]>> = {
  MeshAccessLog: rulesRatherThanFrom,
  MeshCircuitBreaker: rulesRatherThanFrom,
  MeshRateLimit: rulesRatherThanFrom,
  MeshTimeout: rulesRatherThanFrom,
  MeshTLS: rulesRatherThanFrom,
  MeshFaultInjection: servicesAsCallers,
  MeshTrafficPermission: servicesAsCallers,
  MeshHealthCheck: panicThreshold,
  MeshLoadBalancingStrategy: sourceIp,
  MeshPassthrough: none,
};

/** What the author of a policy should write differently, which is taken all the same. */
export const meshPolicyDeprecations = (type: string, spec: unknown): string[] => (byType[type] ?? top)(spec as Policy);
