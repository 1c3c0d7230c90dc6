import { status } from "@grpc/grpc-js";
import type { Metadata, Server, ServerDuplexStream } from "@grpc/grpc-js";
import { equals } from "@bufbuild/protobuf";
import type { Node } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import { HealthCheckSpecifierSchema, HealthDiscoveryService } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import type {
  EndpointHealthResponse,
  HealthCheckRequestOrEndpointHealthResponse,
  HealthCheckSpecifier,
} from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import { serviceDefinition } from "./service-definition.ts";
import { StatusError, toStatusError } from "./status-error.ts";

type Call = ServerDuplexStream<HealthCheckRequestOrEndpointHealthResponse, HealthCheckSpecifier>;

/** What a health discovery server leaves to its owner. A hook that throws or rejects ends the stream, as with ADS. */
export interface HdsHooks {
  /** Says who the client is and what it shall check, or refuses it. */
  onNode(node: Node, metadata: Metadata): Promise<{ readonly nodeId: string; readonly specifier: HealthCheckSpecifier }>;
  onHealth(nodeId: string, response: EndpointHealthResponse): void;
  onStreamClosed?(nodeId: string): void;
  /** An unforeseen error, whose text the client did not get. */
  onError?(error: unknown): void;
}

/** Has clients check health where they are, and hears the results. */
export class HdsServer {
  readonly #hooks: HdsHooks;
  readonly #streams = new Map<string, Set<HdsStream>>();

  constructor(hooks: HdsHooks) {
    this.#hooks = hooks;
  }

  register(server: Server): void {
    server.addService(serviceDefinition(HealthDiscoveryService), {
      streamHealthCheck: (call: Call) => this.#accept(call),
    });
  }

  /** Changes what a connected node shall check. Returns false if it is not connected. */
  assign(nodeId: string, specifier: HealthCheckSpecifier): boolean {
    const streams = this.#streams.get(nodeId);
    for (const stream of streams ?? []) stream.assign(specifier);
    return streams !== undefined;
  }

  #accept(call: Call): void {
    const stream = new HdsStream(call, this.#hooks, {
      joined: (nodeId) => this.#streams.set(nodeId, (this.#streams.get(nodeId) ?? new Set()).add(stream)),
      left: (nodeId) => {
        const streams = this.#streams.get(nodeId);
        streams?.delete(stream);
        if (streams?.size === 0) this.#streams.delete(nodeId);
      },
    });
  }
}

class HdsStream {
  readonly #call: Call;
  readonly #hooks: HdsHooks;
  readonly #membership: { readonly joined: (nodeId: string) => void; readonly left: (nodeId: string) => void };
  #nodeId: string | undefined;
  #assigned: HealthCheckSpecifier | undefined;
  #closed = false;

  constructor(call: Call, hooks: HdsHooks, membership: { joined: (nodeId: string) => void; left: (nodeId: string) => void }) {
    this.#call = call;
    this.#hooks = hooks;
    this.#membership = membership;
    call.on("end", () => {
      call.end();
      this.#close();
    });
    for (const event of ["cancelled", "close", "error"]) call.on(event, () => this.#close());
    call.on("data", (message: HealthCheckRequestOrEndpointHealthResponse) => this.#receive(message));
  }

  /** Sends what to check, unless the client has it. */
  assign(specifier: HealthCheckSpecifier): void {
    if (this.#closed || (this.#assigned && equals(HealthCheckSpecifierSchema, this.#assigned, specifier))) return;
    this.#assigned = specifier;
    this.#call.write(specifier);
  }

  #receive({ requestType }: HealthCheckRequestOrEndpointHealthResponse): void {
    if (requestType.case === "endpointHealthResponse") {
      this.#report(requestType.value);
    } else if (this.#nodeId === undefined) {
      // Nothing more is read until the client is known.
      this.#call.pause();
      this.#identify(requestType.value?.node).then(
        () => this.#call.resume(),
        (error: unknown) => this.#end(error),
      );
    }
  }

  #report(response: EndpointHealthResponse): void {
    try {
      if (this.#nodeId === undefined) throw new StatusError(status.INVALID_ARGUMENT, "the first message of a stream must carry the node");
      this.#hooks.onHealth(this.#nodeId, response);
    } catch (error) {
      this.#end(error);
    }
  }

  async #identify(node: Node | undefined): Promise<void> {
    if (node === undefined) throw new StatusError(status.INVALID_ARGUMENT, "the first message of a stream must carry the node");
    const { nodeId, specifier } = await this.#hooks.onNode(node, this.#call.metadata);
    if (this.#closed) return;
    this.#nodeId = nodeId;
    this.#membership.joined(nodeId);
    this.assign(specifier);
  }

  #end(error: unknown): void {
    if (this.#closed) return;
    if (!(error instanceof StatusError)) this.#hooks.onError?.(error);
    const { code, details } = toStatusError(error);
    this.#call.emit("error", { code, details });
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#nodeId === undefined) return;
    this.#membership.left(this.#nodeId);
    this.#hooks.onStreamClosed?.(this.#nodeId);
  }
}
