import type { Candidate, Rank, Tags, Verdict } from "@atoll/policy";
import type { Resource } from "@atoll/resource";

/** A resource that something is made from. */
export interface ResourceRef {
  type: string;
  /** "" for resources outside of meshes. */
  mesh: string;
  name: string;
  /** Of the configuration; for Dataplanes and zone proxies, of their zone's log. 0 = not known here. */
  revision: number;
  /** Which part of it, in words. */
  section?: string;
}

/** What became of one policy; beyond `Verdict`, why those that would be chosen do not act. */
export interface PolicyVerdict {
  name: string;
  revision: number;
  verdict: Verdict | "needsTrafficRoute" | "wrongProtocol" | "otherHost";
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

/** Why a part of a view is as it is. */
export interface Reasons {
  from: ResourceRef[];
  policies: PolicyChoice[];
}

export const refOf = ({ type, mesh, name, revision }: Resource, section?: string): ResourceRef => ({
  type,
  mesh,
  name,
  revision,
  ...(section === undefined ? {} : { section }),
});

/** What of its mesh a cluster depends on. */
export function meshSection({ mtls, zoneEgress, locality }: { mtls: string; zoneEgress: boolean; locality: { aware: boolean } }): string {
  const parts = [
    mtls === "off" ? "no mTLS" : `mTLS ${mtls}`,
    ...(zoneEgress ? ["zoneEgress"] : []),
    ...(locality.aware ? ["locality aware"] : []),
  ];
  return parts.join(", ");
}

/** The choice as it is told; none if there was nothing to choose from. */
export function choiceOf<P extends Resource>(
  candidates: readonly Candidate<P>[],
  about: { destination?: Tags; silent?: boolean } = {},
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
