import type { DataplaneSpec, MeshGatewaySpec, Resource } from "@atoll/resource";
import { tagSetsOf } from "@atoll/resource";
import { chooseDataplanePolicy, dataplanePolicyCandidates } from "../dataplane-policy.ts";
import type { DataplanePolicy } from "../policy-resource.ts";
import type { Tags } from "../selector.ts";
import { comparePolicies } from "../target/policy-order.ts";
import { listenerText } from "../target/select-proxy.ts";
import type { GatewayListener } from "../target/select-proxy.ts";
import { fromRules, matchPolicies, singleRule, toRules } from "../target/proxy-rules.ts";
import type { FromRules, MatchedPolicies, ToRules } from "../target/proxy-rules.ts";
import type { MeshResources } from "../target/resolve-target.ts";
import type { TagRule } from "../target/tag-rules.ts";
import type { TargetedPolicy } from "../target/target-ref.ts";
import { nothingFound, settle } from "./answer.ts";
import type { Answer, Found } from "./answer.ts";
import { choiceOf, mergeOf } from "./choice.ts";
import { meshResources } from "./policy-mesh.ts";
import type { PolicyMesh } from "./policy-mesh.ts";
import { proxyPlaces, targetPlaces } from "./places.ts";
import { convertOnce } from "./question.ts";
import type { Question } from "./question.ts";

/** The policies of one proxy. Rules are made when first asked for, and shared by all proxies that the same policies are for. */
export class ProxyPolicies {
  readonly mesh: PolicyMesh;
  readonly dataplane: Resource<DataplaneSpec>;
  readonly gateway: Resource<MeshGatewaySpec> | undefined;
  /** Tags by which policies with sources know the proxy. */
  readonly sources: readonly Tags[];
  readonly #matched = new Map<string, MatchedPolicies>();

  constructor(mesh: PolicyMesh, dataplane: Resource<DataplaneSpec>, gateway?: Resource<MeshGatewaySpec>) {
    this.mesh = mesh;
    this.dataplane = dataplane;
    this.gateway = gateway;
    this.sources = tagSetsOf(dataplane.spec);
  }

  /** The policies of a type with a targetRef that are for the proxy. */
  matched(type: string): MatchedPolicies {
    let matched = this.#matched.get(type);
    if (!matched) {
      matched = matchPolicies(type, { dataplane: this.dataplane, gateway: this.gateway }, this.#candidates(type));
      this.#matched.set(type, matched);
    }
    return matched;
  }

  /** The mesh with those policies of the type alone that can be for the proxy. */
  #candidates(type: string): MeshResources {
    const mesh = meshResources(this.mesh);
    const places = targetPlaces(this.dataplane, this.gateway);
    return { resources: (one) => (one === type ? this.mesh.placed(type, places) : mesh.resources(one)) };
  }

  /** Rules by who calls, of one of its inbounds or of a port of a gateway. */
  from(type: string, inbound: string): FromRules {
    return this.#fromOf(type, this.matched(type).byInbound.get(inbound) ?? []);
  }

  /** The same of all of them at once. */
  fromAny(type: string): FromRules {
    return this.#fromOf(type, this.matched(type).policies);
  }

  #fromOf(type: string, policies: readonly TargetedPolicy[]): FromRules {
    return this.mesh.remember(`from/${listKey(type, policies)}`, () => fromRules(policies));
  }

  /** Rules by what is called, of the proxy or of some of its policies. */
  to(type: string, policies: readonly TargetedPolicy[] = this.matched(type).policies): ToRules {
    return this.mesh.remember(`to/${listKey(type, policies)}`, () => toRules(policies, meshResources(this.mesh)));
  }

  /** What holds for the proxy as a whole. */
  answer<Conf>(question: Question<Conf>): Answer<Conf> {
    return settle(this.#legacy(question), this.#single(question), question.precedence ?? "targeted");
  }

  /** Whether policies of the type are for any listener of the gateway. */
  isSteeredBy(type: string): boolean {
    return this.mesh.resources(type).length > 0 && this.matched(type).byListener.size > 0;
  }

  /** What policies say of everything that a listener of the gateway takes; several answers where they differ by hostname. */
  ofListener<Conf>({ targeted }: Question<Conf>, listener: GatewayListener): Answer<Conf>[] {
    if (!targeted) return [];
    const policies = (this.matched(targeted.type).byListener.get(listenerText(listener)) ?? []).toSorted(comparePolicies);
    const rules = this.to(targeted.type, policies).rules.filter(({ subset }) => subset.length === 0);
    return rules.map((rule) => settle(nothingFound, foundBy(this.mesh, targeted, policies, rule), "targeted"));
  }

  #legacy<Conf>({ legacy }: Question<Conf>): Found<Conf> {
    if (!legacy) return nothingFound;
    const { mesh, sources } = this;
    const policy = chooseDataplanePolicy(mesh.placed<DataplanePolicy["spec"]>(legacy.type, proxyPlaces(sources)), sources, mesh.rules);
    const conf = policy && convertOnce(legacy.conf, policy, this.mesh);
    const account = () => choiceOf(dataplanePolicyCandidates(mesh.resources<DataplanePolicy["spec"]>(legacy.type), sources, mesh.rules));
    return { holds: policy !== undefined, conf, account };
  }

  #single<Conf>({ targeted }: Question<Conf>): Found<Conf> {
    if (!targeted || !this.mesh.has(targeted.type)) return nothingFound;
    const { policies } = this.matched(targeted.type);
    const rule = this.mesh.remember(`single/${listKey(targeted.type, policies)}`, () => singleRule(policies));
    return foundBy(this.mesh, targeted, policies, rule);
  }
}

/** Policies that are the same have the same rules. Within a mesh name and revision tell one from all others; those of zones have none. */
const listKey = (type: string, policies: readonly TargetedPolicy[]): string =>
  `${type}/${policies.map(({ name, revision, modificationTime }) => `${name}@${revision || modificationTime}`).join("/")}`;

/** What a rule of a policy with a targetRef says; no rule, nothing. */
export function foundBy<Conf>(
  mesh: PolicyMesh,
  targeted: NonNullable<Question<Conf>["targeted"]>,
  matched: readonly TargetedPolicy[],
  rule: Pick<TagRule, "conf" | "origins" | "backends"> | undefined,
): Found<Conf> {
  const conf = rule && convertOnce(targeted.conf, rule.conf as object, mesh, rule);
  return {
    holds: rule !== undefined,
    conf,
    account: () => mergeOf(mesh.resources(targeted.type), matched, rule?.origins ?? []),
  };
}
