import { Server, status, type Metadata } from "@grpc/grpc-js";
import type { Compiler } from "@atoll/compiler";
import type { ProxyRef } from "@atoll/view";
import type { Node } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import { setTimeout as delay } from "node:timers/promises";
import { LogError } from "@atoll/event-log";
import { keyString, type ProxyName, type ResourceDraft } from "@atoll/resource";
import { TokenError, dataplaneScope, readTokenIds, signingKeyKey, zoneScope, type TokenErrorCode } from "@atoll/token";
import { AdsServer, oneLine, StatusError, type AdsHooks, type SnapshotCache } from "@atoll/xds";
import type { BootstrapContext } from "./bootstrap-answer.ts";
import { HealthDiscovery } from "./health-discovery.ts";
import type { HealthCheckDefaults } from "./health-specifier.ts";
import type { Log, ZoneStore } from "./ports.ts";
import { kernelAnswers } from "./kernel-answers.ts";
import { authenticateProxy, credentialOf, type ProxyAuthentication, type TokenVerifier } from "./proxy-authenticator.ts";
import { RegistrationError, type ProxyLifecycle } from "./proxy-lifecycle.ts";
import { parseProxyNode, ProxyNodeError, type ProxyNode } from "./proxy-node.ts";
import { proxyHttp } from "./proxy-http.ts";
import { resourceKey } from "./proxy-records.ts";
import { SilentPeers } from "./silent-peers.ts";
import { openTlsPort, type TlsPort } from "./tls-port.ts";

export interface DpServerOptions {
  address: string;
  port: number;
  certificatePem: string;
  privateKeyPem: string;
  minTlsVersion?: "TLSv1.2" | "TLSv1.3";
  /** How long a client may take to send the head of a request for `/bootstrap`. */
  readHeaderTimeoutMs?: number;
  /** What checks of proxies and applications are like where a probe does not say; absent = Kuma's defaults. */
  healthChecks?: HealthCheckDefaults;
  instanceId: string;
  /** Of this control plane, as proxies compare it with their own. */
  version: string;
  cache: SnapshotCache;
  compiler: Pick<Compiler, "connect" | "arrived" | "disconnect" | "settled" | "refused">;
  lifecycle: ProxyLifecycle;
  store: ZoneStore;
  verifier: TokenVerifier;
  authentication: ProxyAuthentication;
  /** A key that is gone, or another one now, ends the streams of the tokens that it signed. Default: it refuses new streams alone. */
  endStreamsOfDeletedKeys?: boolean;
  bootstrap: (boundPort: number) => BootstrapContext;
  log: Log;
  /** An Envoy that has not answered for everything by then is made known all the same. Default 5 s. */
  publishAfterMs?: number;
  /** Told of what goes on on the streams, for metrics and traces. */
  watch?: Pick<AdsHooks, "onSend" | "onAck" | "onNack" | "onApplied"> & {
    onDisconnected?(nodeId: string): void;
    onRefused?(nodeId: string): void;
  };
}

interface Admitted {
  node: ProxyNode;
  resource: ResourceDraft;
  /** Kept in memory only, to be asked again when tokens are revoked. */
  token: string;
  /** Key of what signed it in the configuration; undefined = it was not signed by anybody. */
  signingKey: string | undefined;
  /** Until it is published. */
  unpublished?: NodeJS.Timeout | undefined;
}

/** Why a token that was good is not any more, by its key. */
const ofItsKey: ReadonlySet<TokenErrorCode> = new Set(["unknown-key", "bad-signature"]);

const defaultPublishAfterMs = 5_000;
/** Who does not answer for so long is dead, unless it is busy. */
const silentMs = 30_000;
const busyMs = 120_000;
const lookEveryMs = 5_000;
/** A proxy that leaves waits no longer than this for others to hear of it. */
const othersLimitMs = 5_000;

/** Envoy's filter for Kafka is part of contrib builds only. */
const kafkaFilter = "envoy.filters.network.kafka_broker";

/** What proxies talk to: `/bootstrap`, `/leave`, ADS and health discovery on one TLS port. */
export class DpServer {
  readonly #options: DpServerOptions;
  readonly #ads: AdsServer;
  readonly #health: HealthDiscovery;
  readonly #grpc: Server;
  readonly #silent: SilentPeers;
  readonly #looking: NodeJS.Timeout;
  readonly #admitted = new Map<number, Admitted>();
  #port: TlsPort | undefined;
  #closing = false;

  private constructor(options: DpServerOptions) {
    this.#options = options;
    // Both sides notice a dead peer: the server asks every 15 s, and lets clients do so. Who does not answer is judged here.
    this.#grpc = new Server({
      "grpc.keepalive_time_ms": 15_000,
      "grpc.keepalive_timeout_ms": 2 * busyMs,
      "grpc.keepalive_permit_without_calls": 1,
      "grpc.max_receive_message_length": 10 << 20,
      "grpc.max_send_message_length": -1,
    });
    this.#ads = new AdsServer({ cache: options.cache, identifier: options.instanceId, hooks: this.#hooks(), oneStreamPerNode: true });
    this.#ads.register(this.#grpc);
    const { log } = options;
    this.#silent = new SilentPeers({
      isBusy: (peer) => this.#ads.awaitsAnswer(peer),
      machineAnswers: kernelAnswers,
      onBusy: (peer, silentForMs) =>
        log.warn(
          { ...this.#proxiesAt(peer), silentForMs },
          "an Envoy does not answer, but its machine does: it takes in what it was sent, and stays",
        ),
      onBack: (peer, silentForMs) => log.info({ ...this.#proxiesAt(peer), silentForMs }, "the Envoy answers again"),
      onDead: (peer, silentForMs, reason) =>
        log.warn({ ...this.#proxiesAt(peer), silentForMs, reason }, "the connection of an Envoy is ended"),
      clock: () => performance.now(),
      silentMs,
      busyMs,
    });
    this.#looking = setInterval(() => this.#silent.look(), lookEveryMs);
    this.#looking.unref();
    this.#health = new HealthDiscovery({
      store: options.store,
      admit: (node, metadata) => this.#admit(node, metadata),
      ...(options.healthChecks && { defaults: options.healthChecks }),
      log: options.log,
    });
    this.#health.server.register(this.#grpc);
  }

  static async open(options: DpServerOptions): Promise<DpServer> {
    const server = new DpServer(options);
    let bound = options.port;
    server.#port = await openTlsPort({
      address: options.address,
      port: options.port,
      certificatePem: options.certificatePem,
      privateKeyPem: options.privateKeyPem,
      grpc: server.#grpc,
      http: proxyHttp({
        bootstrap: () => options.bootstrap(bound),
        leave: (proxy, token) => server.#leave(proxy, token),
        log: options.log,
      }),
      minVersion: options.minTlsVersion,
      readHeaderTimeoutMs: options.readHeaderTimeoutMs,
      onGrpc: (socket) => server.#silent.watch(socket),
    });
    bound = server.#port.port;
    return server;
  }

  get port(): number {
    return this.#port!.port;
  }

  report(): ReturnType<AdsServer["report"]> {
    return this.#ads.report();
  }

  /** How many of the proxies here have a token that a signing key signed, by the key's key. */
  tokenKeys(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { signingKey } of this.#admitted.values()) {
      if (signingKey !== undefined) counts[signingKey] = (counts[signingKey] ?? 0) + 1;
    }
    return counts;
  }

  /**
   * Ends the streams whose token was revoked since they began and, if so decided, those of which the key that signed the token is gone or
   * another one. To be called when keys or revocation lists changed. A token that has expired refuses new streams only: proxies get their
   * new one in their own time; so does one whose key is gone, as one deletion would take all its proxies away.
   */
  async endWithdrawn(): Promise<void> {
    for (const admitted of [...this.#admitted.values()]) {
      const { nodeId } = admitted.node;
      const reason = await this.#withdrawn(admitted);
      if (reason === undefined) continue;
      this.#options.log.warn({ proxy: nodeId, reason }, "the token of a connected proxy was withdrawn");
      this.#ads.disconnect(nodeId, new StatusError(status.UNAUTHENTICATED, `authentication failed: ${reason}`));
    }
  }

  async #withdrawn({ node, resource, token }: Admitted): Promise<string | undefined> {
    const { verifier, authentication, endStreamsOfDeletedKeys = false } = this.#options;
    // A pod's token is not signed by a key of ours.
    if (credentialOf(authentication, node.proxyType) === "serviceAccountToken") return undefined;
    try {
      await authenticateProxy(verifier, authentication, { proxyType: node.proxyType, resource, replaces: undefined }, token);
    } catch (error) {
      if (!(error instanceof TokenError)) return undefined;
      if (error.code === "revoked") return error.message;
      if (!ofItsKey.has(error.code)) return undefined;
      if (endStreamsOfDeletedKeys) return error.message;
      // A key that is gone revokes nothing, and hides no revocation.
      return verifier.isRevoked(token, node) ? "the token is revoked" : undefined;
    }
    return undefined;
  }

  /** Proxies keep what they have and connect elsewhere, or here again; in the zone's log they stay as they are. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#looking);
    this.#health.close();
    this.#grpc.forceShutdown();
    await this.#port?.close();
  }

  #proxiesAt(peer: string): { peer: string; proxies: string[] } {
    return { peer, proxies: this.#ads.report().flatMap((stream) => (stream.peer === peer && stream.nodeId ? [stream.nodeId] : [])) };
  }

  #hooks(): AdsHooks {
    const { compiler, lifecycle, log, watch } = this.#options;
    return {
      onNode: async (node, metadata, stream) => {
        const admitted = await this.#admit(node, metadata);
        this.#admitted.set(stream.id, admitted);
        return { nodeId: admitted.node.nodeId };
      },
      onReady: async (stream) => {
        this.#connect(stream.id);
        log.info({ proxy: stream.nodeId, peer: stream.peer }, "proxy connected");
      },
      onSend: (event) => {
        lifecycle.count(event.nodeId, event.typeUrl, "responsesSent");
        watch?.onSend?.(event);
      },
      onAck: (event) => {
        lifecycle.count(event.nodeId, event.typeUrl, "responsesAcknowledged");
        watch?.onAck?.(event);
      },
      onNack: (event) => {
        const { nodeId, typeUrl, message, rejected } = event;
        lifecycle.count(nodeId, typeUrl, "responsesRejected");
        const resources = rejected.map((one) => one.name);
        // What comes of it is said once, by the parts that turn out to be withheld; on the way there may be many of these.
        const fields = { proxy: nodeId, revision: event.revision, typeUrl, resources, reason: oneLine(message) };
        if (rejected.some(({ trial }) => trial)) log.debug(fields, "Envoy rejected a trial");
        else log.warn(fields, "Envoy rejected a configuration");
        watch?.onNack?.(event);
      },
      onWithheld: ({ nodeId, typeUrl, withheld }) => compiler.refused(nodeId, typeUrl, withheld.name, withheld.parts),
      onServed: ({ id }) => this.#publish(id),
      onApplied: (...event) => watch?.onApplied?.(...event),
      onStreamClosed: (stream) => {
        const admitted = this.#admitted.get(stream.id);
        this.#admitted.delete(stream.id);
        clearTimeout(admitted?.unpublished);
        // A second stream that was refused has no node id, and must not end the first one's registration.
        if (this.#closing || admitted === undefined || stream.nodeId === undefined) return;
        compiler.disconnect(stream.nodeId);
        lifecycle.disconnect(stream.nodeId);
        watch?.onDisconnected?.(stream.nodeId);
        log.info({ proxy: stream.nodeId }, "proxy disconnected");
      },
      onError: (error, stream) => log.error({ err: error, proxy: stream.nodeId }, "ADS stream failed"),
    };
  }

  /** Serves the proxy; others hear of it when its Envoy listens, or has taken too long to say so. */
  #connect(streamId: number): void {
    const { compiler, lifecycle, publishAfterMs = defaultPublishAfterMs } = this.#options;
    const admitted = this.#admitted.get(streamId)!;
    const { node, resource } = admitted;
    lifecycle.connect(node, resource);
    admitted.unpublished = setTimeout(() => this.#publish(streamId), publishAfterMs);
    const adminAddress = node.adminAddress ?? this.#options.bootstrap(this.port).adminAddress;
    const ref: ProxyRef = {
      type: node.proxyType,
      mesh: node.mesh,
      name: node.name,
      metadata: {
        ...(adminAddress && { adminAddress }),
        ...(node.adminPort !== undefined && { adminPort: node.adminPort }),
        ...(node.readinessPort !== undefined && { readinessPort: node.readinessPort }),
        ...(node.dnsPort !== undefined && { dnsPort: node.dnsPort }),
        ...(node.workdir !== "" && { workDir: node.workdir }),
        ...(node.metricsTls && { metricsTls: node.metricsTls }),
        ...(node.systemCaPath !== "" && { systemCaPath: node.systemCaPath }),
        kafkaFilter: node.extensions.has(kafkaFilter),
      },
    };
    compiler.connect(node.nodeId, ref, node.resource && resource);
  }

  async #leave(proxy: ProxyName, token: string): Promise<boolean> {
    const { compiler, lifecycle, verifier, authentication, store, log } = this.#options;
    const { type, mesh, name } = resourceKey(proxy);
    const resource = store.get(type, mesh, name);
    if (resource === undefined) return false;
    await authenticateProxy(verifier, authentication, { proxyType: proxy.proxyType, resource, replaces: undefined }, token);
    log.info({ proxy: `${mesh}.${name}` }, "proxy leaves");
    if (!(await lifecycle.leave(proxy))) return false;
    // Those who may call it hear of it now: it stops when they have.
    await Promise.race([compiler.settled().then(() => this.#ads.answered()), delay(othersLimitMs, undefined, { ref: false })]);
    return true;
  }

  #publish(streamId: number): void {
    const admitted = this.#admitted.get(streamId);
    if (admitted?.unpublished === undefined) return;
    clearTimeout(admitted.unpublished);
    admitted.unpublished = undefined;
    const { compiler, lifecycle, log } = this.#options;
    const { nodeId } = admitted.node;
    lifecycle.publish(nodeId).then(
      () => this.#admitted.get(streamId) === admitted && compiler.arrived(nodeId),
      (error: unknown) => {
        if (this.#admitted.get(streamId) !== admitted) return;
        if (!(error instanceof LogError)) log.error({ err: error, proxy: nodeId }, "cannot register a proxy");
        const reason = error instanceof LogError ? `: ${error.message}` : "";
        this.#ads.disconnect(nodeId, new StatusError(status.UNAVAILABLE, `the proxy cannot be registered at the moment${reason}`));
      },
    );
  }

  async #admit(described: Node, metadata: Metadata): Promise<Admitted> {
    const { lifecycle, verifier, authentication, log } = this.#options;
    try {
      const node = parseProxyNode(described, this.#options.version);
      const { resource, replaces } = lifecycle.resolve(node);
      let token: string;
      try {
        token = tokenOf(metadata);
        const isBrought = node.resource !== undefined;
        await authenticateProxy(verifier, authentication, { proxyType: node.proxyType, resource, replaces, isBrought }, token);
      } catch (error) {
        log.warn({ proxy: node.nodeId, reason: (error as Error).message }, "proxy refused");
        this.#options.watch?.onRefused?.(node.nodeId);
        throw new StatusError(status.UNAUTHENTICATED, `authentication failed: ${(error as Error).message}`);
      }
      const isOwnKey = credentialOf(authentication, node.proxyType) !== "serviceAccountToken";
      return { node, resource, token, signingKey: isOwnKey ? signingKeyOf(node, token) : undefined };
    } catch (error) {
      if (error instanceof ProxyNodeError) throw new StatusError(status.INVALID_ARGUMENT, error.message);
      if (error instanceof RegistrationError) throw new StatusError(status.FAILED_PRECONDITION, error.message);
      throw error;
    }
  }
}

/** Of the key that signed a proxy's token, as it is called in the configuration. */
function signingKeyOf({ proxyType, mesh }: ProxyName, token: string): string | undefined {
  const ids = readTokenIds(token);
  return ids && keyString(signingKeyKey(proxyType === "dataplane" ? dataplaneScope(mesh) : zoneScope, ids.kid));
}

/** The credential of a stream: one header, with or without "Bearer"; "" if there is none. */
function tokenOf(metadata: Metadata): string {
  const values = metadata.get("authorization");
  if (values.length > 1) throw new Error("there is more than one authorization header");
  return String(values[0] ?? "").replace(/^Bearer /i, "");
}
