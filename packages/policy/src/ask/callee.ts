import { inboundPolicies, inboundPoliciesCandidates, inboundPolicyCandidates, chooseInboundPolicy } from "../inbound-policy.ts";
import type { Tags } from "../selector.ts";
import { egressRules } from "../target/egress-rules.ts";
import type { EgressRules } from "../target/egress-rules.ts";
import type { FromRules } from "../target/proxy-rules.ts";
import { inboundText } from "../target/select-proxy.ts";
import type { Inbound } from "../target/select-proxy.ts";
import type { TagRule } from "../target/tag-rules.ts";
import type { TargetedPolicy } from "../target/target-ref.ts";
import { nothingFound, settle } from "./answer.ts";
import type { Answer, Found, Precedence } from "./answer.ts";
import { choiceOf, mergeOf } from "./choice.ts";
import { meshResources } from "./policy-mesh.ts";
import type { PolicyMesh } from "./policy-mesh.ts";
import { calledPlaces } from "./places.ts";
import type { ProxyPolicies } from "./proxy-policies.ts";
import type { LegacyPolicy } from "./question.ts";

/** A question about what comes in somewhere. */
export interface InboundQuestion<Conf> {
  legacy?: {
    type: string;
    /** Whether the policy that is best for the destination acts, or all that are for it, in the order in which callers meet them. */
    acting: "best" | "all";
    conf: (policies: readonly never[], mesh: PolicyMesh) => Conf | undefined;
  };
  targeted?:
    | { type: string; by: "everybody"; conf: (conf: never, mesh: PolicyMesh) => Conf | undefined }
    | { type: string; by: "caller"; conf: (rules: readonly TagRule[], mesh: PolicyMesh) => Conf | undefined };
  precedence?: Precedence<Conf>;
}

/** Who is called, and asks what holds for who calls. */
export interface Callee {
  answer<Conf>(question: InboundQuestion<Conf>): Answer<Conf>;
}

interface Place {
  mesh: PolicyMesh;
  /** Tags by which policies with destinations know the place. */
  tags: readonly Tags[];
  /** True if who is told of a choice must hear for which tags it was made. */
  named?: true;
  from: (type: string) => FromRules;
  matched: (type: string) => readonly TargetedPolicy[];
}

/** An inbound of a sidecar. */
export function inboundCallee(policies: ProxyPolicies, inbound: Inbound & { tags: Tags }): Callee {
  const at = inboundText(inbound);
  return callee({
    mesh: policies.mesh,
    tags: [inbound.tags],
    from: (type) => policies.from(type, at),
    matched: (type) => policies.matched(type).byInbound.get(at) ?? [],
  });
}

/** A proxy as a whole: what holds of everything that comes in anywhere, which it has to go by itself where it calls. */
export const proxyCallee = (policies: ProxyPolicies): Callee =>
  callee({
    mesh: policies.mesh,
    tags: [],
    from: (type) => policies.fromAny(type),
    matched: (type) => policies.matched(type).policies,
  });

/** A port of a builtin gateway, which policies with destinations do not know. */
export function gatewayPortCallee(policies: ProxyPolicies, port: Inbound): Callee {
  return inboundCallee(policies, { ...port, tags: {} });
}

/** An external service at a zone egress; several of one name are known by the tags of each. */
export function egressCallee(mesh: PolicyMesh, tags: readonly Tags[]): Callee {
  const known = tags.at(-1) ?? {};
  const rules = (type: string): FromRules => egressRulesOf(mesh, type, known).from;
  return callee({
    mesh,
    tags,
    named: true,
    from: rules,
    matched: (type) => rules(type).rules.flatMap(({ origins }) => origins.map(({ policy }) => policy)),
  });
}

export const egressRulesOf = (mesh: PolicyMesh, type: string, tags: Tags): EgressRules =>
  mesh.remember(`egress/${type}/${JSON.stringify(tags)}`, () => egressRules(type, tags, meshResources(mesh)));

/** Something else of a proxy that takes connections, which policies with destinations alone know, by tags that it was given. */
export const taggedCallee = (mesh: PolicyMesh, tags: Tags): Callee =>
  callee({ mesh, tags: [tags], from: () => ({ rules: [], all: undefined }), matched: () => [] });

const callee = (place: Place): Callee => ({
  answer: (question) => settle(legacyOf(place, question), targetedOf(place, question), question.precedence ?? "targeted"),
});

function legacyOf<Conf>({ mesh, tags, named }: Place, { legacy }: InboundQuestion<Conf>): Found<Conf> {
  if (!legacy) return nothingFound;
  const all = mesh.placed<LegacyPolicy["spec"]>(legacy.type, calledPlaces(tags.length > 0 ? tags : [{}]));
  const everyOne = (): readonly LegacyPolicy[] => mesh.resources<LegacyPolicy["spec"]>(legacy.type);
  const asked = tags.at(-1) ?? {};
  const best = legacy.acting === "best" ? chooseInboundPolicy(all, asked, mesh.rules) : undefined;
  const acting =
    legacy.acting === "best" ? (best ? [best] : []) : [...new Set(tags.flatMap((one) => inboundPolicies(all, one, mesh.rules)))];
  return {
    holds: acting.length > 0,
    conf: acting.length > 0 ? legacy.conf(acting as unknown as readonly never[], mesh) : undefined,
    account: () =>
      legacy.acting === "best"
        ? choiceOf(inboundPolicyCandidates(everyOne(), asked, mesh.rules))
        : tags.flatMap((one) => choiceOf(inboundPoliciesCandidates(everyOne(), one, mesh.rules), named ? { destination: one } : {})),
  };
}

function targetedOf<Conf>({ mesh, from, matched }: Place, { targeted }: InboundQuestion<Conf>): Found<Conf> {
  if (!targeted || !mesh.has(targeted.type)) return nothingFound;
  const { rules, all } = from(targeted.type);
  const origins = targeted.by === "caller" ? rules.flatMap((rule) => rule.origins) : (all?.origins ?? []);
  const holds = targeted.by === "caller" ? rules.length > 0 : all !== undefined;
  const conf = !holds ? undefined : targeted.by === "caller" ? targeted.conf(rules, mesh) : targeted.conf(all!.conf as never, mesh);
  return { holds, conf, account: () => mergeOf(mesh.resources(targeted.type), matched(targeted.type), origins) };
}
