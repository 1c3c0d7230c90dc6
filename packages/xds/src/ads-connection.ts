import { status } from "@grpc/grpc-js";
import type { Metadata, ServerDuplexStream } from "@grpc/grpc-js";
import type { Node } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
  DiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { encodeDeltaResponse } from "./encode-delta-response.ts";
import type { AdsHooks, AdsStream, IdentifiedStream } from "./ads-hooks.ts";
import type { Push } from "./push.ts";
import type { KnownForms } from "./known-forms.ts";
import { Session } from "./session.ts";
import type { Mark, SessionEvent } from "./session.ts";
import type { SnapshotCache } from "./snapshot-cache.ts";
import { StatusError, toStatusError } from "./status-error.ts";
import type { Protocol } from "./type-state.ts";
import { readDeltaRequest, readSotwRequest, writeSotwResponse } from "./wire.ts";

/** Its responses are encoded already. */
export type DeltaCall = ServerDuplexStream<DeltaDiscoveryRequest, Buffer>;
export type SotwCall = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** The protocol's part of a connection. */
export type Wire = { readonly protocol: "delta"; readonly call: DeltaCall } | { readonly protocol: "sotw"; readonly call: SotwCall };

export interface ConnectionPorts {
  readonly cache: SnapshotCache;
  readonly hooks: AdsHooks;
  readonly forms: KnownForms;
  /** control_plane.identifier of every response. */
  readonly identifier: string;
  /** How long updates wait for the client to answer those that they build on. */
  readonly patienceMs: number;
  /** Claims the node for this connection, or throws. */
  readonly claim: (connection: AdsConnection, nodeId: string) => void;
  readonly release: (connection: AdsConnection) => void;
}

/** Joins a gRPC stream, its session and the hooks. */
export class AdsConnection implements AdsStream {
  readonly id: number;
  readonly metadata: Metadata;
  readonly peer: string;
  readonly session: Session;
  node: Node | undefined;
  nodeId: string | undefined;
  readonly #wire: Wire;
  readonly #ports: ConnectionPorts;
  #patience: NodeJS.Timeout | undefined;
  #stopWatching: (() => void) | undefined;
  #ready = false;
  #closed = false;
  #waiting: { readonly mark: Mark; readonly resolve: () => void }[] = [];

  constructor(id: number, wire: Wire, ports: ConnectionPorts) {
    this.id = id;
    this.metadata = wire.call.metadata;
    this.peer = wire.call.getPeer();
    this.session = new Session(wire.protocol, ports.forms);
    this.#wire = wire;
    this.#ports = ports;
  }

  get protocol(): Protocol {
    return this.session.protocol;
  }

  /** Starts to read the stream. */
  open(): void {
    const { call } = this.#wire;
    // Bound before the first hook, so that a stream that was opened is also closed.
    call.on("end", () => {
      call.end();
      this.#close();
    });
    for (const event of ["cancelled", "close", "error"]) call.on(event, () => this.#close());
    this.#guard(() => {
      this.#ports.hooks.onStreamOpen?.(this);
      if (this.#wire.protocol === "delta") this.#wire.call.on("data", (request: DeltaDiscoveryRequest) => this.#receive(request));
      else this.#wire.call.on("data", (request: DiscoveryRequest) => this.#receive(request));
    });
  }

  /** Ends the stream; the client sees the error. */
  end(error: unknown): void {
    if (this.#closed) return;
    if (!(error instanceof StatusError)) this.#ports.hooks.onError?.(error, this);
    const { code, details } = toStatusError(error);
    this.#wire.call.emit("error", { code, details });
    this.#close();
  }

  /** Resolves when the client has answered all that it was sent until now, or is gone. */
  answered(): Promise<void> {
    const mark = this.session.mark();
    if (this.#closed || this.session.hasAnswered(mark)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ mark, resolve }));
  }

  #tellAnswered(): void {
    if (this.#waiting.length === 0) return;
    const done = this.#waiting.filter(({ mark }) => this.#closed || this.session.hasAnswered(mark));
    this.#waiting = this.#waiting.filter((one) => !done.includes(one));
    for (const { resolve } of done) resolve();
  }

  #receive(request: DeltaDiscoveryRequest | DiscoveryRequest): void {
    this.#guard(() => {
      if (this.#ready) {
        this.#serve(request);
        return;
      }
      // Nothing more is read until the client is known, so a stranger cannot fill the memory.
      this.#wire.call.pause();
      this.#identify(request).then(
        () => this.#guard(() => this.#start(request)),
        (error: unknown) => this.end(error),
      );
    });
  }

  async #identify(request: DeltaDiscoveryRequest | DiscoveryRequest): Promise<void> {
    if (!request.node) throw new StatusError(status.INVALID_ARGUMENT, "the first request of a stream must carry the node");
    this.node = request.node;
    const { nodeId } = await this.#ports.hooks.onNode(request.node, this.metadata, this);
    if (this.#closed) return;
    this.#ports.claim(this, nodeId);
    this.nodeId = nodeId;
    await this.#ports.hooks.onReady?.(this.#identified());
  }

  #start(request: DeltaDiscoveryRequest | DiscoveryRequest): void {
    if (this.#closed) return;
    const { nodeId } = this.#identified();
    const { cache } = this.#ports;
    this.#ready = true;
    this.#stopWatching = cache.watch(nodeId, (snapshot) => this.#guard(() => this.#run(this.session.offer(snapshot))));
    cache.setAckedRevision(nodeId, 0);
    const snapshot = cache.get(nodeId);
    if (snapshot) this.#run(this.session.offer(snapshot));
    this.#serve(request);
    this.#wire.call.resume();
  }

  #serve(request: DeltaDiscoveryRequest | DiscoveryRequest): void {
    if (request.node && request.node.id !== this.node?.id) {
      throw new StatusError(status.INVALID_ARGUMENT, `the node id changed from "${this.node?.id}" to "${request.node.id}" on one stream`);
    }
    if (request.typeUrl === "") throw new StatusError(status.INVALID_ARGUMENT, "type_url is required on an aggregated stream");
    const delta = request.$typeName === "envoy.service.discovery.v3.DeltaDiscoveryRequest";
    this.#run(this.session.request(delta ? readDeltaRequest(request) : readSotwRequest(request)));
    this.#tellAnswered();
  }

  #run(events: readonly SessionEvent[]): void {
    const { hooks, cache } = this.#ports;
    const stream = this.#identified();
    const { nodeId } = stream;
    for (const event of events) {
      if (this.#closed) return;
      switch (event.kind) {
        case "push": {
          const { typeUrl, revision, resources, removals } = event.push;
          this.#send(event.push);
          hooks.onSend?.({ stream, nodeId, typeUrl, revision, resources: resources.length, removals: removals.length });
          break;
        }
        case "ack":
          hooks.onAck?.({ stream, nodeId, typeUrl: event.typeUrl, revision: event.revision, resources: event.resources });
          break;
        case "nack": {
          const { typeUrl, revision, message, rejected } = event;
          hooks.onNack?.({ stream, nodeId, typeUrl, revision, message, rejected });
          break;
        }
        case "withheld":
          hooks.onWithheld?.({ stream, nodeId, typeUrl: event.typeUrl, revision: event.revision, withheld: event.withheld });
          break;
        case "applied":
          cache.setAckedRevision(nodeId, event.revision);
          hooks.onApplied?.(nodeId, event.revision, stream);
          break;
        case "served":
          hooks.onServed?.(stream);
          break;
      }
    }
    this.#mindPatience();
  }

  #mindPatience(): void {
    if (this.#closed || !this.session.waiting) {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      return;
    }
    if (this.#patience !== undefined) return;
    const mark = this.session.mark();
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      this.#guard(() => this.#run(this.session.release(mark)));
    }, this.#ports.patienceMs);
  }

  #send(push: Push): void {
    if (this.#wire.protocol === "delta") this.#wire.call.write(encodeDeltaResponse(push, this.#ports.identifier));
    else this.#wire.call.write(writeSotwResponse(push, this.#ports.identifier));
  }

  #identified(): IdentifiedStream {
    if (this.node === undefined || this.nodeId === undefined) throw new Error("the stream is served before its node is known");
    return this as IdentifiedStream;
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.end(error);
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patience);
    this.#stopWatching?.();
    this.#ports.release(this);
    this.#tellAnswered();
    try {
      this.#ports.hooks.onStreamClosed?.(this);
    } catch (error) {
      this.#ports.hooks.onError?.(error, this);
    }
  }
}
