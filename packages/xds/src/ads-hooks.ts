import type { Metadata } from "@grpc/grpc-js";
import type { Node } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Rejected, WithheldParts } from "./push.ts";
import type { Protocol } from "./type-state.ts";

/** One client's stream, as the hooks see it. */
export interface AdsStream {
  /** Unique among the streams of this server. */
  readonly id: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  /** Address of the client. */
  readonly peer: string;
  /** As the first request gave it. */
  readonly node: Node | undefined;
  /** As `onNode` gave it. */
  readonly nodeId: string | undefined;
}

/** A stream whose client is known. */
export interface IdentifiedStream extends AdsStream {
  readonly node: Node;
  readonly nodeId: string;
}

export interface AdsMessage {
  readonly stream: IdentifiedStream;
  readonly nodeId: string;
  readonly typeUrl: string;
  /** Revision of the snapshot that the response was made from. */
  readonly revision: number;
}

export interface AdsSend extends AdsMessage {
  readonly resources: number;
  readonly removals: number;
}

export interface AdsAck extends AdsMessage {
  readonly resources: number;
}

export interface AdsNack extends AdsMessage {
  /** The client's own words. */
  readonly message: string;
  /** What is withheld from now on. Empty while the server is still searching for the resource that the client means. */
  readonly rejected: readonly Rejected[];
}

export interface AdsWithheld extends AdsMessage {
  readonly withheld: WithheldParts;
}

/**
 * What an ADS server leaves to its owner. A hook that throws or rejects ends the stream: a StatusError reaches the client as it is,
 * anything else as INTERNAL without its text.
 */
export interface AdsHooks {
  onStreamOpen?(stream: AdsStream): void;
  /** Says who the client is, or refuses it. Nothing is served before; later requests wait. */
  onNode(node: Node, metadata: Metadata, stream: AdsStream): Promise<{ readonly nodeId: string }>;
  /** The client is identified and is the only one of its node (if that is required). Nothing is served before this resolves. */
  onReady?(stream: IdentifiedStream): Promise<void>;
  onSend?(event: AdsSend): void;
  onAck?(event: AdsAck): void;
  onNack?(event: AdsNack): void;
  /** It was found out which parts of a resource the client refuses. They are withheld until the resource changes. */
  onWithheld?(event: AdsWithheld): void;
  /** The client has acknowledged everything up to this revision. */
  onApplied?(nodeId: string, revision: number, stream: IdentifiedStream): void;
  /**
   * The client has all that it can use, for the first time on its stream: everything is answered, and what it refused is withheld. Envoy
   * listens by then.
   */
  onServed?(stream: IdentifiedStream): void;
  /** Called once for each stream, however it ended. */
  onStreamClosed?(stream: AdsStream): void;
  /** An unforeseen error, whose text the client did not get. */
  onError?(error: unknown, stream: AdsStream): void;
}
