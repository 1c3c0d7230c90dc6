import type { EncodedResource } from "./snapshot.ts";

/** A resource as the client has it. The bytes are missing if the client only told its version. */
export interface HeldResource {
  readonly version: string;
  readonly bytes?: Uint8Array;
  readonly divide?: EncodedResource["divide"];
}

/** One response, before it takes the form of either protocol. */
export interface Push {
  readonly typeUrl: string;
  /** Counts all pushes of a stream, from 1; in decimal it is the nonce. */
  readonly sequence: number;
  /** Which snapshot of this stream it was made from, counted from 1, and that snapshot's revision. */
  readonly generation: number;
  readonly revision: number;
  /** What the client is to add or replace. */
  readonly upserts: ReadonlyMap<string, EncodedResource>;
  /** What the client is to drop, and names it asked for that do not exist. */
  readonly removals: readonly string[];
  /** Everything a state-of-the-world response has to carry. */
  readonly resources: readonly EncodedResource[];
  /** Version of the whole type, for state of the world. */
  readonly version: string;
  /** More of the generation's upserts follow when this is answered. */
  readonly partial: boolean;
  /** Part of a search for a bad resource. */
  readonly probe: boolean;
  /** An ACK means that all upserts of the generation are answered. */
  readonly answers: boolean;
  /** An ACK means that the client has the generation as it is. */
  readonly settles: boolean;
}

export interface Rejected {
  readonly name: string;
  readonly version: string;
  /** It was sent to find out which of its parts is refused. */
  readonly trial?: true;
}

/** Parts of a resource that a client refuses, whose rest it has. */
export interface WithheldParts {
  readonly name: string;
  /** Of the resource as a whole. */
  readonly version: string;
  /** Part -> the client's words. */
  readonly parts: ReadonlyMap<string, string>;
}

export const nonceOf = (push: Push): string => String(push.sequence);
