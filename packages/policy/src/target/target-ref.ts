import { label } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import type { Tags } from "../selector.ts";

/** Kinds of a `targetRef`, the weakest first: of two policies the one whose top-level reference is of a later kind overrides. */
export const targetKinds = [
  "Mesh",
  "Dataplane",
  "MeshSubset",
  "MeshGateway",
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "MeshServiceSubset",
  "MeshHTTPRoute",
] as const;
export type TargetKind = (typeof targetKinds)[number];

/** What a policy is for, or what the other end is. */
export interface TargetRef {
  kind: TargetKind;
  name?: string | undefined;
  namespace?: string | undefined;
  sectionName?: string | undefined;
  tags?: Tags | undefined;
  labels?: Tags | undefined;
  proxyTypes?: readonly ("Sidecar" | "Gateway")[] | undefined;
}

/** One entry of `from` or `to`. The routes have `rules` in place of `default`, which their shape knows. */
export interface TargetedItem {
  targetRef?: TargetRef | undefined;
  default?: unknown;
}

export interface TargetedSpec {
  targetRef?: TargetRef | undefined;
  from?: readonly TargetedItem[] | undefined;
  to?: readonly TargetedItem[] | undefined;
  rules?: readonly { default?: unknown }[] | undefined;
  default?: unknown;
}

/** A policy that says by a `targetRef` for which proxies it is. */
export type TargetedPolicy = Resource<TargetedSpec>;

/** The top-level reference; a policy without one is for the whole mesh. */
export const topOf = ({ spec }: TargetedPolicy): TargetRef => spec.targetRef ?? { kind: "Mesh" };

export const kindRank = (kind: TargetKind): number => targetKinds.indexOf(kind);

/** The service's own tag, by which a destination without a resource of its own is known. */
export const serviceTag = "kuma.io/service";

/** True if a selection by tags knows the kind, so that it takes part in rules by tags. */
export const knownByTags = (kind: TargetKind): boolean =>
  kind !== "Dataplane" && kind !== "MeshExternalService" && kind !== "MeshMultiZoneService";

/** A policy that is written to be looked at and not to act: only who asks for shadows sees it. */
export const isShadow = ({ labels }: Resource): boolean => labels?.[label.effect] === "shadow";
