import type { Part } from "./part-search.ts";

/** What a resource is made of, for finding out which of it a client refuses. */
export interface Division {
  /** Parents first. */
  readonly parts: readonly Part[];
  /** The resource with these parts alone; undefined if nothing is left that could be sent. */
  of(parts: ReadonlySet<string>): EncodedResource | undefined;
}

/** One Envoy resource, encoded once and shared by every snapshot that holds it. */
export interface EncodedResource {
  name: string;
  typeUrl: string;
  /** The encoded google.protobuf.Any value. */
  bytes: Uint8Array;
  /** Content hash; the xDS version of the resource. */
  version: string;
  /** Absent = it stands or falls as a whole. */
  divide?: () => Division;
}

/** Immutable complete set of Envoy resources of one node. */
export interface Snapshot {
  /** Highest revision of the configuration this was built from. */
  readonly revision: number;
  /** typeUrl -> name -> resource. */
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, EncodedResource>>;
}
