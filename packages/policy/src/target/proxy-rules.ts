import { comparePolicies } from "./policy-order.ts";
import { inboundRule } from "./inbound-rules.ts";
import type { InboundRule } from "./inbound-rules.ts";
import { resourceRules } from "./resource-rules.ts";
import type { ResourceRules } from "./resource-rules.ts";
import type { MeshResources } from "./resolve-target.ts";
import { entriesOf, shapeOf } from "./rule-entry.ts";
import type { RuleEntry } from "./rule-entry.ts";
import { routeHash } from "./route-confs.ts";
import type { HttpRouteRule } from "./route-confs.ts";
import { inboundText, listenerText, routeOf, selectProxy, UnresolvedTarget } from "./select-proxy.ts";
import type { TargetProxy } from "./select-proxy.ts";
import { tagRules } from "./tag-rules.ts";
import type { TagRule } from "./tag-rules.ts";
import { isShadow, topOf } from "./target-ref.ts";
import type { TargetedPolicy, TargetRef } from "./target-ref.ts";

/** Tag of a rule for the requests of one rule of a MeshHTTPRoute, by the hash of its matches. */
export const routeHashTag = "__rule-matches-hash__";

/** The policies of one type that are for a proxy. All lists are the weakest first. */
export interface MatchedPolicies {
  type: string;
  policies: TargetedPolicy[];
  /** By `address:port` of an inbound, or of a port of a builtin gateway. */
  byInbound: ReadonlyMap<string, readonly TargetedPolicy[]>;
  /** By `address:port:hostname` of a builtin gateway; in the order of the names. */
  byListener: ReadonlyMap<string, readonly TargetedPolicy[]>;
  warnings: string[];
}

/** Which policies of a type are for a proxy. */
export function matchPolicies(type: string, proxy: TargetProxy, mesh: MeshResources, options: { shadow?: boolean } = {}): MatchedPolicies {
  const matched: TargetedPolicy[] = [];
  const byInbound = new Map<string, TargetedPolicy[]>();
  const byListener = new Map<string, TargetedPolicy[]>();
  const warnings: string[] = [];
  const add = (map: Map<string, TargetedPolicy[]>, key: string, policy: TargetedPolicy): unknown =>
    map.get(key)?.push(policy) ?? map.set(key, [policy]);
  for (const policy of mesh.resources(type) as readonly TargetedPolicy[]) {
    if (isShadow(policy) && !options.shadow) continue;
    try {
      const selection = selectProxy(policy, proxy, mesh);
      if (!selection) continue;
      matched.push(policy);
      for (const inbound of selection.inbounds) add(byInbound, inboundText(inbound), policy);
      for (const listener of selection.listeners) add(byListener, listenerText(listener), policy);
    } catch (error) {
      if (!(error instanceof UnresolvedTarget)) throw error;
      const { message } = error;
      warnings.push(`unable to resolve TargetRef on policy: mesh:${policy.mesh} name:${policy.name} error:${JSON.stringify(message)}`);
    }
  }
  for (const policies of byInbound.values()) policies.sort(comparePolicies);
  return { type, policies: matched.sort(comparePolicies), byInbound, byListener, warnings };
}

/** What is called, by its tags and by its resource. */
export interface ToRules {
  rules: TagRule[];
  resources: ResourceRules;
}

export function toRules(policies: readonly TargetedPolicy[], mesh: MeshResources): ToRules {
  const own = policies.filter((policy) => shapeOf(policy.type).to && policy.spec.to?.length);
  return {
    rules: tagRules(
      own.flatMap((policy) => toEntries(policy, mesh)),
      false,
    ),
    resources: resourceRules(
      own.filter((policy) => topOf(policy).kind !== "MeshHTTPRoute"),
      mesh,
    ),
  };
}

/** Entries of `to`; of a policy for a route, one for each rule of the route, by its hash. */
function toEntries(policy: TargetedPolicy, mesh: MeshResources): RuleEntry[] {
  const entries = entriesOf(policy, policy.spec.to);
  const top = topOf(policy);
  if (top.kind !== "MeshHTTPRoute") return entries;
  const routes = (routeOf(policy, top, mesh).spec.to ?? []) as { targetRef?: TargetRef; rules?: HttpRouteRule[] }[];
  return routes.flatMap(({ targetRef = { kind: "Mesh" }, rules = [] }) =>
    rules.flatMap(({ matches }) => {
      const tags = { [routeHashTag]: routeHash(matches) };
      const whole = targetRef.kind === "Mesh" || targetRef.kind === "MeshSubset";
      const ref: TargetRef = whole ? { kind: "MeshSubset", tags } : { kind: "MeshServiceSubset", name: targetRef.name, tags };
      return entries.map((entry) => ({ ...entry, ref }));
    }),
  );
}

/** Who calls, by tags, and what holds for everybody who does. */
export interface FromRules {
  rules: TagRule[];
  all: InboundRule | undefined;
}

export function fromRules(policies: readonly TargetedPolicy[]): FromRules {
  const own = policies.filter(({ type }) => shapeOf(type).from);
  return {
    rules: tagRules(
      own.flatMap((policy) => entriesOf(policy, policy.spec.from)),
      true,
    ),
    all: inboundRule(own),
  };
}

/** The one rule of policies for whole proxies. */
export function singleRule(policies: readonly TargetedPolicy[]): TagRule | undefined {
  const entries = policies
    .filter(({ type }) => shapeOf(type).single)
    .map((policy): RuleEntry => ({ policy, index: 0, ref: { kind: "Mesh" }, conf: policy.spec.default ?? {} }));
  return tagRules(entries, false)[0];
}
