import { mergeConfs } from "./merge-confs.ts";
import { mergeHttpRoutes, routeHash } from "./route-confs.ts";
import type { HttpRouteConf, HttpRouteRule } from "./route-confs.ts";
import type { TargetedItem } from "./target-ref.ts";

/** What a kind of policy looks like, as far as matching and merging must know. */
export interface PolicyShape {
  /** Has `from`, entries by who calls. */
  from?: true;
  /** Has `to`, entries by what is called. */
  to?: true;
  /** Has `rules`, for everything that comes in; `from` counts as `rules` where a policy has none. */
  rules?: true;
  /** Has one `default` for the whole proxy. */
  single?: true;
  /** The configuration of an entry. */
  confOf: (item: TargetedItem) => unknown;
  /** One configuration of several, strongest last; for routes one for each hostname. */
  merge: (confs: readonly unknown[]) => unknown[];
  /** Names of the rules within a configuration that say where traffic goes; "" for a configuration without rules of its own. */
  backendRules: (conf: unknown) => string[];
}

const plain = {
  confOf: (item: TargetedItem): unknown => item.default ?? {},
  merge: (confs: readonly unknown[]): unknown[] => [mergeConfs(confs)],
  backendRules: (): string[] => [],
};

const httpRoute: PolicyShape = {
  to: true,
  confOf: (item) => {
    const { rules = [], hostnames } = item as { rules?: HttpRouteRule[]; hostnames?: string[] };
    return { rules, ...(hostnames?.length ? { hostnames } : {}) } satisfies HttpRouteConf;
  },
  merge: (confs) => mergeHttpRoutes(confs as HttpRouteConf[]),
  backendRules: (conf) => (conf as HttpRouteConf).rules.flatMap((rule) => (rule.default.backendRefs ? [routeHash(rule.matches)] : [])),
};

const tcpRoute: PolicyShape = {
  ...plain,
  to: true,
  confOf: (item) => (item as { rules?: object[] }).rules?.[0] ?? {},
  backendRules: (conf) => ((conf as { default?: { backendRefs?: unknown } }).default?.backendRefs ? [""] : []),
};

/** Every kind of policy with a target reference, in the order in which Kuma applies and shows them. */
export const policyShapes: Readonly<Record<string, PolicyShape>> = {
  MeshHTTPRoute: httpRoute,
  MeshTCPRoute: tcpRoute,
  MeshTLS: { ...plain, from: true, rules: true },
  MeshLoadBalancingStrategy: { ...plain, to: true },
  MeshPassthrough: { ...plain, single: true },
  MeshAccessLog: { ...plain, from: true, to: true, rules: true },
  MeshTrace: { ...plain, single: true },
  MeshFaultInjection: { ...plain, from: true, to: true },
  MeshRateLimit: { ...plain, from: true, to: true, rules: true },
  MeshTimeout: { ...plain, from: true, to: true, rules: true },
  MeshTrafficPermission: { ...plain, from: true },
  MeshHealthCheck: { ...plain, to: true },
  MeshCircuitBreaker: { ...plain, from: true, to: true, rules: true },
  MeshRetry: { ...plain, to: true },
  MeshMetric: { ...plain, single: true },
  MeshProxyPatch: { ...plain, single: true },
};
