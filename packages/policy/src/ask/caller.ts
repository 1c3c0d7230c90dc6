import { gatewayChooser, candidatesForDestinations, chooseForDestinations } from "../gateway-policy.ts";
import type { Chooser } from "../candidate.ts";
import { outboundChooser } from "../outbound-policy.ts";
import type { Tags } from "../selector.ts";
import type { Destination } from "../target/destination.ts";
import { routeHashTag } from "../target/proxy-rules.ts";
import type { ToRules } from "../target/proxy-rules.ts";
import { resourceRuleFor } from "../target/resource-rules.ts";
import { tagRuleFor } from "../target/tag-rules.ts";
import { serviceTag } from "../target/target-ref.ts";
import type { TargetedPolicy } from "../target/target-ref.ts";
import { nothingFound, settle } from "./answer.ts";
import { egressRulesOf } from "./callee.ts";
import type { PolicyMesh } from "./policy-mesh.ts";
import type { Answer, Found } from "./answer.ts";
import { choiceOf, unchosen } from "./choice.ts";
import { connecting } from "./places.ts";
import { foundBy } from "./proxy-policies.ts";
import type { ProxyPolicies } from "./proxy-policies.ts";
import { convertOnce } from "./question.ts";
import type { LegacyPolicy, Question } from "./question.ts";

/** A place of a builtin gateway: one of its ports, and there one host with the tags of its listener. */
export interface GatewayPlace {
  address: string;
  port: number;
  /** `*` for any. */
  hostname: string;
  tags: Tags;
}

/** Who calls others, and asks what holds for what it calls. */
export interface Caller {
  /** What holds towards a destination; `route`: for the requests of one rule of a MeshHTTPRoute, by the hash of its matches. */
  towards<Conf>(question: Question<Conf>, destination: Destination, route?: string): Answer<Conf>;
}

/** One sidecar. What its policies with sources and destinations say holds only where the mesh's rules let them act. */
export class SidecarCaller implements Caller {
  readonly #policies: ProxyPolicies;
  readonly #legacyActs: boolean;
  readonly #choosers = new Map<string, Chooser<string, LegacyPolicy>>();

  constructor(policies: ProxyPolicies) {
    this.#policies = policies;
    const { mesh } = policies;
    this.#legacyActs = mesh.rules.sidecarOutboundPolicies === "always" || mesh.has("TrafficRoute");
  }

  towards<Conf>(question: Question<Conf>, destination: Destination, route?: string): Answer<Conf> {
    return settle(this.#legacy(question, destination), this.#targeted(question, destination, route), question.precedence ?? "targeted");
  }

  /** Whether policies of the type with a targetRef say anything of services that are known by their tags. */
  isSteeredBy(type: string): boolean {
    return this.#policies.to(type).rules.length > 0;
  }

  /** The same for traffic that is known by a name of its own, such as what leaves the mesh; whether or not policies act on outbounds. */
  towardsName<Conf>(question: Question<Conf>, name: string): Answer<Conf> {
    const destination: Destination = { kind: "service", tags: { [serviceTag]: name } };
    const legacy = question.legacy ? this.#chosen(question, question.legacy, name) : nothingFound;
    return settle(legacy, this.#targeted(question, destination, undefined), question.precedence ?? "targeted");
  }

  #legacy<Conf>(question: Question<Conf>, destination: Destination): Found<Conf> {
    const { legacy } = question;
    if (!legacy || destination.kind !== "service") return nothingFound;
    if (this.#legacyActs) return this.#chosen(question, legacy, destination.tags[serviceTag] ?? "");
    return { ...nothingFound, account: () => unchosen(this.#policies.mesh.resources(legacy.type), "needsTrafficRoute") };
  }

  #chosen<Conf>(_: Question<Conf>, legacy: NonNullable<Question<Conf>["legacy"]>, service: string): Found<Conf> {
    const { mesh, sources } = this.#policies;
    let choose = this.#choosers.get(legacy.type);
    if (!choose) this.#choosers.set(legacy.type, (choose = outboundChooser(connecting(mesh, legacy.type, sources), sources, mesh.rules)));
    const policy = choose(service);
    const chosen = choose;
    return {
      holds: policy !== undefined,
      conf: policy && convertOnce(legacy.conf, policy, mesh),
      account: () => choiceOf(chosen.candidates(service)),
    };
  }

  #targeted<Conf>({ targeted }: Question<Conf>, destination: Destination, route: string | undefined): Found<Conf> {
    const { mesh } = this.#policies;
    if (!targeted || !mesh.has(targeted.type)) return nothingFound;
    const { policies } = this.#policies.matched(targeted.type);
    return foundTowards(this.#policies, targeted, policies, destination, routeElements(elementOf(destination), route));
  }
}

/** One host of one listener of a builtin gateway. */
export class GatewayCaller implements Caller {
  readonly #policies: ProxyPolicies;
  readonly #place: GatewayPlace;
  readonly #choosers = new Map<string, Chooser<Tags, LegacyPolicy>>();

  constructor(policies: ProxyPolicies, place: GatewayPlace) {
    this.#policies = policies;
    this.#place = place;
  }

  towards<Conf>(question: Question<Conf>, destination: Destination): Answer<Conf> {
    const { legacy } = question;
    const targeted = this.#targeted(question, destination, [elementOf(destination)]);
    if (!legacy || destination.kind !== "service") return settle<Conf>(nothingFound, targeted, question.precedence ?? "targeted");
    const { mesh } = this.#policies;
    const choose = this.#chooser(legacy.type);
    const policy = choose(destination.tags);
    const found: Found<Conf> = {
      holds: policy !== undefined,
      conf: policy && convertOnce(legacy.conf, policy, mesh),
      account: () => choiceOf(choose.candidates(destination.tags), { destination: destination.tags }),
    };
    return settle(found, targeted, question.precedence ?? "targeted");
  }

  /** What holds for a route that reaches several destinations, or for a listener as a whole. */
  towardsAll<Conf>(question: Question<Conf>, destinations: readonly Tags[], route?: string): Answer<Conf> {
    const { legacy } = question;
    const { mesh } = this.#policies;
    const targeted = this.#targeted(question, { kind: "service", tags: {} }, routeElements({}, route));
    if (!legacy) return settle<Conf>(nothingFound, targeted, question.precedence ?? "targeted");
    const choose = this.#chooser(legacy.type);
    const policy = chooseForDestinations(destinations, choose);
    const found: Found<Conf> = {
      holds: policy !== undefined,
      conf: policy && convertOnce(legacy.conf, policy, mesh),
      account: () => choiceOf(candidatesForDestinations(destinations, choose)),
    };
    return settle(found, targeted, question.precedence ?? "targeted");
  }

  /** The same for all that a port takes, which policies with sources and destinations know by a name of its own. */
  towardsName<Conf>(question: Question<Conf>, name: string): Answer<Conf> {
    const { legacy } = question;
    const targeted = this.#targeted(question, { kind: "service", tags: {} }, [{}]);
    if (!legacy) return settle<Conf>(nothingFound, targeted, question.precedence ?? "targeted");
    const { mesh, sources } = this.#policies;
    const choose = outboundChooser(connecting<LegacyPolicy["spec"]>(mesh, legacy.type, sources), sources, mesh.rules);
    const policy = choose(name);
    const found: Found<Conf> = {
      holds: policy !== undefined,
      conf: policy && convertOnce(legacy.conf, policy, mesh),
      account: () => choiceOf(choose.candidates(name)),
    };
    return settle(found, targeted, question.precedence ?? "targeted");
  }

  #chooser(type: string): Chooser<Tags, LegacyPolicy> {
    const { mesh } = this.#policies;
    let choose = this.#choosers.get(type);
    if (!choose)
      this.#choosers.set(type, (choose = gatewayChooser(connecting(mesh, type, [this.#place.tags]), this.#place.tags, mesh.rules)));
    return choose;
  }

  #targeted<Conf>({ targeted }: Question<Conf>, destination: Destination, elements: readonly Tags[]): Found<Conf> {
    if (!targeted || !this.#policies.mesh.has(targeted.type)) return nothingFound;
    const { address, port } = this.#place;
    const policies = this.#policies.matched(targeted.type).byInbound.get(`${address}:${port}`) ?? [];
    return foundTowards(this.#policies, targeted, policies, destination, elements);
  }
}

/** A zone egress, which calls for all of a mesh: who they are plays no part, but in policies that name them. */
export class EgressCaller implements Caller {
  readonly #mesh: PolicyMesh;

  constructor(mesh: PolicyMesh) {
    this.#mesh = mesh;
  }

  towards<Conf>({ targeted, precedence = "targeted" }: Question<Conf>, destination: Destination): Answer<Conf> {
    const mesh = this.#mesh;
    if (!targeted) return settle<Conf>(nothingFound, nothingFound, precedence);
    const tags = destination.kind === "service" ? destination.tags : {};
    const rules = egressRulesOf(mesh, targeted.type, tags);
    if (destination.kind === "service") {
      const rule = tagRuleFor(rules.from.rules, {});
      return settle<Conf>(nothingFound, foundBy(mesh, targeted, [], rule), precedence);
    }
    const rule = resourceRuleFor(rules.resources, destination.id);
    return settle<Conf>(nothingFound, foundBy(mesh, targeted, [], rule && { ...rule, conf: rule.confs[0] }), precedence);
  }
}

/** Of a destination that is known by tags, policies know the service alone. */
const elementOf = (destination: Destination): Tags =>
  destination.kind === "service" ? { [serviceTag]: destination.tags[serviceTag] ?? "" } : {};

/** What a rule may be for, the most particular first. */
const routeElements = (element: Tags, route: string | undefined): Tags[] =>
  route === undefined ? [element] : [{ ...element, [routeHashTag]: route }, element];

function foundTowards<Conf>(
  proxy: ProxyPolicies,
  targeted: NonNullable<Question<Conf>["targeted"]>,
  policies: readonly TargetedPolicy[],
  destination: Destination,
  elements: readonly Tags[],
): Found<Conf> {
  if (policies.length === 0) return foundBy(proxy.mesh, targeted, policies, undefined);
  const rules: ToRules = proxy.to(targeted.type, policies);
  if (destination.kind === "resource") {
    const rule = resourceRuleFor(rules.resources, destination.id);
    return foundBy(proxy.mesh, targeted, policies, rule && { ...rule, conf: rule.confs[0] });
  }
  for (const element of elements) {
    const rule = tagRuleFor(rules.rules, element);
    if (rule) return foundBy(proxy.mesh, targeted, policies, rule);
  }
  return foundBy(proxy.mesh, targeted, policies, undefined);
}
