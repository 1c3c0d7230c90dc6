import {
  type MatchedPolicies,
  type MeshResources,
  type RuleOrigin,
  type TagRule,
  type TargetProxy,
  type TargetedPolicy,
  chooseDataplanePolicy,
  fromRules,
  matchPolicies,
  policyShapes,
  routeHash,
  singleRule,
  toRules,
} from "@atoll/policy";
import { type DataplaneSpec, type MeshGatewaySpec, type Resource, isBuiltinGateway, tagSetsOf } from "@atoll/resource";
import { renderMeta } from "./render.ts";
import type { RulesOfType } from "./rule-attachments.ts";
import type { PolicyLists } from "./sidecar-policies.ts";

type Dataplane = Resource<DataplaneSpec>;
/** Where a proxy is called, as inspections name it. */
interface Place {
  /** By which policies are found. */
  key: string;
  shown: { name?: string; tags: Readonly<Record<string, string>>; port: number };
}

/** Policies with a targetRef as they are for proxies of one mesh (policies.md 7). Lists are what this control plane shows. */
export class TargetRules {
  readonly #lists: PolicyLists;
  readonly #mesh: MeshResources;
  readonly #exclusive: boolean;

  constructor(mesh: Resource<{ meshServices?: { mode?: string } }>, lists: PolicyLists) {
    this.#lists = lists;
    this.#mesh = { resources: (type) => (type === "Mesh" ? [mesh] : lists(type)) };
    this.#exclusive = mesh.spec.meshServices?.mode === "Exclusive";
  }

  /** Whether the policy is for the proxy. */
  selects(policy: Resource, dataplane: Dataplane): boolean {
    const alone: MeshResources = { resources: (type) => (type === policy.type ? [policy] : this.#mesh.resources(type)) };
    return matchPolicies(policy.type, this.#proxy(dataplane), alone).policies.length > 0;
  }

  /** The policies that are for the proxy, type by type; types without any are left out. */
  matched(dataplane: Dataplane): MatchedPolicies[] {
    const proxy = this.#proxy(dataplane);
    return Object.keys(policyShapes)
      .map((type) => matchPolicies(type, proxy, this.#mesh))
      .filter(({ policies, warnings }) => policies.length + warnings.length > 0);
  }

  /** The same of a MeshGateway, as it is for a proxy that its first selector means; undefined if it has no selector. */
  renderGateway(gateway: Resource<MeshGatewaySpec>): object | undefined {
    const [selector] = gateway.spec.selectors ?? [];
    if (selector === undefined) return undefined;
    const networking = { address: "", gateway: { type: "BUILTIN", tags: selector.match ?? {} } } as const;
    return { ...this.render({ ...gateway, spec: { networking } }), resource: renderMeta(gateway) };
  }

  /** What the proxy's policies come to, as `_rules` shows it. */
  render(dataplane: Dataplane): object {
    const proxy = this.#proxy(dataplane);
    const matched = this.matched(dataplane);
    const rules = matched.flatMap((one) => this.#renderType(one, proxy) ?? []);
    const routes = matched.find(({ type }) => type === "MeshHTTPRoute");
    return { httpMatches: routes ? httpMatches(routes.policies) : [], resource: renderMeta(dataplane), rules };
  }

  /** What they come to for the parts of a sidecar, type by type. */
  ofParts(dataplane: Dataplane): RulesOfType[] {
    return this.matched(dataplane).map(({ type, policies, byInbound }) => ({
      type,
      from: new Map([...byInbound].map(([place, own]) => [place, fromRules(own).rules])),
      to: toRules(policies, this.#mesh).rules,
      single: singleRule(policies),
    }));
  }

  #proxy(dataplane: Dataplane): TargetProxy {
    const gateways = this.#lists<MeshGatewaySpec>("MeshGateway");
    const gateway = isBuiltinGateway(dataplane.spec) ? chooseDataplanePolicy(gateways, tagSetsOf(dataplane.spec)) : undefined;
    return { dataplane, gateway };
  }

  #renderType(matched: MatchedPolicies, proxy: TargetProxy): object | undefined {
    const { type, policies, byInbound, warnings } = matched;
    const from: object[] = [];
    const inbound: object[] = [];
    for (const { key, shown } of placesOf(proxy)) {
      const { rules, all } = fromRules(byInbound.get(key) ?? []);
      if (rules.length > 0) from.push({ inbound: shown, rules: rules.map(renderTagRule) });
      if (all) inbound.push({ inbound: shown, rules: [{ conf: [all.conf], origin: all.origins.map(renderEntry) }] });
    }
    const to = toRules(policies, this.#mesh);
    const tagged = to.rules.map(renderTagRule);
    const resources = [...to.resources.values()].toSorted((a, b) => compare(a.resource.name, b.resource.name));
    const single = singleRule(policies);
    if (from.length + inbound.length + tagged.length + resources.length === 0 && !single) return undefined;
    return {
      fromRules: from,
      inboundRules: inbound,
      ...(single && { proxyRule: { conf: single.conf, origin: single.origins.map(({ policy }) => renderMeta(policy)) } }),
      toResourceRules: resources.map(({ confs, origins, resource, sectionName }) => ({
        conf: confs,
        origin: origins.map(renderEntry),
        resourceMeta: renderMeta(resource),
        resourceSectionName: sectionName,
      })),
      toRules: this.#exclusive ? [] : tagged,
      type,
      warnings,
    };
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** By port. */
function placesOf({ dataplane, gateway }: TargetProxy): Place[] {
  const { networking } = dataplane.spec;
  const place = (address: string, port: number, tags: Place["shown"]["tags"], name?: string): Place => ({
    key: `${address}:${port}`,
    shown: { ...(name && { name }), tags, port },
  });
  const ports = new Set((gateway?.spec.conf.listeners ?? []).map(({ port }) => port));
  const places = networking.gateway
    ? [...ports].map((port) => place(networking.address, port, networking.gateway!.tags))
    : (networking.inbound ?? []).map(({ address = networking.address, port, tags, name }) => place(address, port, tags, name));
  return places.toSorted((a, b) => a.shown.port - b.shown.port);
}

const renderTagRule = ({ conf, subset, origins }: TagRule): object => ({
  conf,
  matchers: subset.map(({ key, value, not }) => ({ key, not, value })),
  origin: origins.map(({ policy }) => renderMeta(policy)),
});

const renderEntry = ({ policy, index }: RuleOrigin): object => ({ resourceMeta: renderMeta(policy), ruleIndex: index });

/** The matches of each rule, with the hash by which policies for a route know it. */
function httpMatches(routes: readonly TargetedPolicy[]): object[] {
  const all = routes.flatMap(({ spec }) =>
    ((spec.to ?? []) as { rules?: { matches: object[] }[] }[]).flatMap(({ rules = [] }) => rules.map(({ matches }) => matches)),
  );
  const byHash = new Map(all.map((match) => [routeHash(match), match]));
  return [...byHash].toSorted(([a], [b]) => compare(a, b)).map(([hash, match]) => ({ hash, match }));
}
