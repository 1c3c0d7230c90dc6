import type { Resource } from "@atoll/resource";
import type { Candidate, Verdict } from "../candidate.ts";
import type { Rank, Tags } from "../selector.ts";
import { isShadow } from "../target/target-ref.ts";
import type { RuleOrigin } from "../target/rule-entry.ts";

/** What became of one policy; beyond `Verdict`, why those that would be chosen do not act. */
export interface PolicyVerdict {
  name: string;
  revision: number;
  verdict: Verdict | "needsTrafficRoute" | "wrongProtocol" | "otherHost" | "merged" | "shadow" | "targetDoesNotMatch" | "replaced";
  rank?: Rank;
}

/** One choice among the policies of one type: all there are, the chosen one or those that act first. */
export interface PolicyChoice {
  type: string;
  mesh: string;
  /** Destination it was chosen for, where the part has several or another than its own. */
  destination?: Tags;
  /** True if the chosen policy has nothing for this place, such as a Retry with `tcp` alone for HTTP. */
  silent?: true;
  candidates: PolicyVerdict[];
}

/** The choice as it is told; none if there was nothing to choose from. */
export function choiceOf<P extends Resource>(
  candidates: readonly Candidate<P>[],
  about: { destination?: Tags | undefined; silent?: boolean } = {},
): PolicyChoice[] {
  const first = candidates[0]?.policy;
  if (!first) return [];
  const { destination, silent } = about;
  return [
    {
      type: first.type,
      mesh: first.mesh,
      ...(destination ? { destination } : {}),
      ...(silent && candidates[0]!.verdict === "chosen" ? { silent: true as const } : {}),
      candidates: candidates.map(({ policy: { name, revision }, verdict, rank }) => ({
        name,
        revision,
        verdict,
        ...(rank ? { rank } : {}),
      })),
    },
  ];
}

/** A choice that was not made: none of the policies acts here, whatever they match. */
export const unchosen = (policies: readonly Resource[], verdict: PolicyVerdict["verdict"]): PolicyChoice[] =>
  policies.length === 0
    ? []
    : [
        {
          type: policies[0]!.type,
          mesh: policies[0]!.mesh,
          candidates: policies.map(({ name, revision }) => ({ name, revision, verdict })),
        },
      ];

/**
 * What became of the policies of one type with a targetRef: those that were merged, the strongest first, those for the proxy that say
 * nothing here, and the others.
 */
export function mergeOf(all: readonly Resource[], matched: readonly Resource[], origins: readonly RuleOrigin[]): PolicyChoice[] {
  const merged = [...new Set(origins.map(({ policy }) => policy as Resource))].reverse();
  const verdictOf = (policy: Resource): PolicyVerdict["verdict"] =>
    isShadow(policy) ? "shadow" : matched.includes(policy) ? "destinationsDoNotMatch" : "targetDoesNotMatch";
  const others = all.filter((policy) => !merged.includes(policy));
  const first = all[0];
  if (!first) return [];
  return [
    {
      type: first.type,
      mesh: first.mesh,
      candidates: [
        ...merged.map(({ name, revision }): PolicyVerdict => ({ name, revision, verdict: "merged" })),
        ...others.map((policy): PolicyVerdict => ({ name: policy.name, revision: policy.revision, verdict: verdictOf(policy) })),
      ],
    },
  ];
}

/** The same choices where the other family's policies act in their place. */
export const replaced = (choices: readonly PolicyChoice[]): PolicyChoice[] =>
  choices.map((choice) => ({
    ...choice,
    candidates: choice.candidates.map((one) =>
      ["chosen", "acts", "merged"].includes(one.verdict) ? { ...one, verdict: "replaced" } : one,
    ),
  }));

/** The same choices where the chosen policy has nothing for the place. */
export const silenced = (choices: readonly PolicyChoice[], silent: boolean): PolicyChoice[] =>
  choices.map((choice) => (silent && choice.candidates[0]?.verdict === "chosen" ? { ...choice, silent: true } : choice));
