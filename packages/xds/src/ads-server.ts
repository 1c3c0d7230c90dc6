import { status } from "@grpc/grpc-js";
import type { Server } from "@grpc/grpc-js";
import { AggregatedDiscoveryService } from "@atoll/envoy-api/envoy/service/discovery/v3/ads_pb.js";
import { AdsConnection } from "./ads-connection.ts";
import type { ConnectionPorts, DeltaCall, SotwCall, Wire } from "./ads-connection.ts";
import type { AdsHooks } from "./ads-hooks.ts";
import { KnownForms } from "./known-forms.ts";
import { serviceDefinition } from "./service-definition.ts";
import type { SnapshotCache } from "./snapshot-cache.ts";
import { StatusError } from "./status-error.ts";
import type { Protocol } from "./type-state.ts";

export interface AdsServerOptions {
  readonly cache: SnapshotCache;
  /** Names this server in every response. */
  readonly identifier: string;
  readonly hooks: AdsHooks;
  /** Refuse a second stream of a node while the first is open. */
  readonly oneStreamPerNode?: boolean;
  /**
   * Routes and listeners wait for the client to acknowledge clusters and endpoints, which Envoy does when they are warm, and removals
   * wait for everything else; but no longer than this. Default 1000.
   */
  readonly patienceMs?: number;
}

/** One stream, for people who look into a running server. */
export interface StreamReport {
  readonly id: number;
  readonly nodeId: string | undefined;
  readonly protocol: Protocol;
  readonly peer: string;
  readonly appliedRevision: number;
  readonly types: readonly {
    readonly typeUrl: string;
    readonly wildcard: boolean;
    readonly names: number;
    readonly held: number;
    readonly unanswered: boolean;
    readonly rejected: readonly string[];
  }[];
}

/**
 * Serves the snapshots of a cache by the aggregated discovery service, incremental and state of the world.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
export class AdsServer {
  readonly #options: AdsServerOptions;
  readonly #forms = new KnownForms();
  readonly #connections = new Set<AdsConnection>();
  /** node id -> its stream, where only one is allowed. */
  readonly #claims = new Map<string, AdsConnection>();
  #opened = 0;

  constructor(options: AdsServerOptions) {
    this.#options = options;
  }

  register(server: Server): void {
    const { deltaAggregatedResources: delta, ...others } = serviceDefinition(AggregatedDiscoveryService);
    server.addService(
      { ...others, deltaAggregatedResources: { ...delta!, responseSerialize: (bytes: Buffer) => bytes } },
      {
        streamAggregatedResources: (call: SotwCall) => this.#accept({ protocol: "sotw", call }),
        deltaAggregatedResources: (call: DeltaCall) => this.#accept({ protocol: "delta", call }),
      },
    );
  }

  /** Ends a node's streams with the given error, as when its credential was revoked. */
  disconnect(nodeId: string, error: StatusError): void {
    for (const connection of [...this.#connections]) if (connection.nodeId === nodeId) connection.end(error);
  }

  /** Resolves when every client has answered all that it was sent until now, or is gone. */
  async answered(): Promise<void> {
    await Promise.all(Array.from(this.#connections, (connection) => connection.answered()));
  }

  isConnected(nodeId: string): boolean {
    return [...this.#connections].some((connection) => connection.nodeId === nodeId);
  }

  /** Whether a client at this address (`host:port`) has yet to answer something. */
  awaitsAnswer(peer: string): boolean {
    return [...this.#connections].some(
      (connection) => connection.peer === peer && [...connection.session.types.values()].some(({ inFlight }) => inFlight !== undefined),
    );
  }

  report(): StreamReport[] {
    return Array.from(this.#connections, ({ id, nodeId, protocol, peer, session }) => ({
      id,
      nodeId,
      protocol,
      peer,
      appliedRevision: session.applied,
      types: Array.from(session.types.values(), (type) => ({
        typeUrl: type.typeUrl,
        wildcard: type.subscription?.wildcard ?? false,
        names: type.subscription?.names.size ?? 0,
        held: type.held.size,
        unanswered: type.inFlight !== undefined,
        rejected: [...type.rejected.keys()],
      })),
    }));
  }

  #accept(wire: Wire): void {
    const { cache, hooks, identifier, patienceMs = 1000 } = this.#options;
    const ports: ConnectionPorts = {
      cache,
      hooks,
      identifier,
      forms: this.#forms,
      patienceMs,
      claim: (connection, nodeId) => this.#claim(connection, nodeId),
      release: (connection) => this.#release(connection),
    };
    const connection = new AdsConnection(++this.#opened, wire, ports);
    this.#connections.add(connection);
    connection.open();
  }

  #claim(connection: AdsConnection, nodeId: string): void {
    if (!this.#options.oneStreamPerNode) return;
    if (this.#claims.has(nodeId))
      throw new StatusError(status.UNAVAILABLE, "there is already an active stream from this node, try again later");
    this.#claims.set(nodeId, connection);
  }

  #release(connection: AdsConnection): void {
    this.#connections.delete(connection);
    if (connection.nodeId !== undefined && this.#claims.get(connection.nodeId) === connection) this.#claims.delete(connection.nodeId);
  }
}
