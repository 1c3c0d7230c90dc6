import { Server, status } from "@grpc/grpc-js";
import type { Compiler } from "@atoll/compiler";
import type { ResourceDraft } from "@atoll/resource";
import { AdsServer, StatusError, type AdsHooks, type SnapshotCache } from "@atoll/xds";
import { bootstrapListener } from "./bootstrap-listener.ts";
import type { BootstrapContext } from "./bootstrap-answer.ts";
import type { Log } from "./ports.ts";
import { authenticateProxy, type ProxyAuthentication, type TokenVerifier } from "./proxy-authenticator.ts";
import { RegistrationError, type ProxyLifecycle } from "./proxy-lifecycle.ts";
import { parseProxyNode, ProxyNodeError, type ProxyNode } from "./proxy-node.ts";
import { openTlsPort, type TlsPort } from "./tls-port.ts";

export interface DpServerOptions {
  address: string;
  port: number;
  certificatePem: string;
  privateKeyPem: string;
  instanceId: string;
  cache: SnapshotCache;
  compiler: Compiler;
  lifecycle: ProxyLifecycle;
  verifier: TokenVerifier;
  authentication: ProxyAuthentication;
  bootstrap: (boundPort: number) => BootstrapContext;
  log: Log;
  onApplied?: (nodeId: string, revision: number) => void;
  onNack?: (nodeId: string, typeUrl: string, message: string, resources: readonly string[]) => void;
}

interface Admitted {
  node: ProxyNode;
  resource: ResourceDraft;
}

/** What proxies talk to: `/bootstrap` and ADS on one TLS port. */
export class DpServer {
  readonly #options: DpServerOptions;
  readonly #ads: AdsServer;
  readonly #grpc: Server;
  readonly #admitted = new Map<number, Admitted>();
  #port: TlsPort | undefined;

  private constructor(options: DpServerOptions) {
    this.#options = options;
    // Both sides notice a dead peer: the server asks every 15 s, and lets clients do so.
    this.#grpc = new Server({
      "grpc.keepalive_time_ms": 15_000,
      "grpc.keepalive_timeout_ms": 15_000,
      "grpc.keepalive_permit_without_calls": 1,
      "grpc.max_receive_message_length": 10 << 20,
      "grpc.max_send_message_length": -1,
    });
    this.#ads = new AdsServer({ cache: options.cache, identifier: options.instanceId, hooks: this.#hooks(), oneStreamPerNode: true });
    this.#ads.register(this.#grpc);
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
      http: bootstrapListener(() => options.bootstrap(bound), options.log),
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

  disconnect(nodeId: string, reason: string): void {
    this.#ads.disconnect(nodeId, new StatusError(status.UNAUTHENTICATED, reason));
  }

  /** Proxies keep what they have and connect elsewhere, or here again. */
  async close(): Promise<void> {
    this.#grpc.forceShutdown();
    await this.#port?.close();
  }

  #hooks(): AdsHooks {
    const { compiler, lifecycle, log } = this.#options;
    return {
      onNode: async (node, metadata, stream) => {
        const authorization = metadata.get("authorization");
        const token = typeof authorization[0] === "string" ? authorization[0].replace(/^Bearer /, "") : "";
        if (authorization.length > 1) throw new StatusError(status.UNAUTHENTICATED, "authentication failed: there is more than one authorization header");
        const admitted = await this.#admit({ id: node.id, metadata: node.metadata }, token);
        this.#admitted.set(stream.id, admitted);
        return { nodeId: node.id };
      },
      onReady: async (stream) => {
        const { node, resource } = this.#admitted.get(stream.id)!;
        await lifecycle.connect(node, resource);
        compiler.connect(node.nodeId, {
          type: node.proxyType,
          mesh: node.mesh,
          name: node.name,
          metadata: {
            ...(node.adminPort !== undefined && { adminPort: node.adminPort }),
            ...(node.readinessPort !== undefined && { readinessPort: node.readinessPort }),
            ...(node.workdir !== "" && { workDir: node.workdir }),
          },
        });
        log.info({ proxy: node.nodeId, proxyType: node.proxyType, peer: stream.peer }, "proxy connected");
      },
      onSend: ({ nodeId, typeUrl }) => lifecycle.count(nodeId, typeUrl, "responsesSent"),
      onAck: ({ nodeId, typeUrl }) => lifecycle.count(nodeId, typeUrl, "responsesAcknowledged"),
      onNack: ({ nodeId, typeUrl, message, rejected }) => {
        lifecycle.count(nodeId, typeUrl, "responsesRejected");
        const resources = rejected.map((one) => one.name);
        log.warn({ proxy: nodeId, typeUrl, resources, reason: message }, "Envoy rejected a configuration");
        this.#options.onNack?.(nodeId, typeUrl, message, resources);
      },
      onApplied: (nodeId, revision) => this.#options.onApplied?.(nodeId, revision),
      onStreamClosed: (stream) => {
        const admitted = this.#admitted.get(stream.id);
        this.#admitted.delete(stream.id);
        // A second stream that was refused must not end the first one's registration.
        if (admitted === undefined || stream.nodeId === undefined || this.#ads.isConnected(stream.nodeId)) return;
        compiler.disconnect(admitted.node.nodeId);
        log.info({ proxy: admitted.node.nodeId }, "proxy disconnected");
        lifecycle.disconnect(admitted.node.nodeId).catch((error) => log.warn({ err: error, proxy: admitted.node.nodeId }, "cannot record the end of a proxy's stream"));
      },
      onError: (error, stream) => log.error({ err: error, proxy: stream.nodeId }, "ADS stream failed"),
    };
  }

  async #admit(described: { id: string; metadata: Record<string, unknown> | undefined }, token: string): Promise<Admitted> {
    const { lifecycle, verifier, authentication, log } = this.#options;
    try {
      const node = parseProxyNode(described);
      const resource = lifecycle.resolve(node);
      try {
        await authenticateProxy(verifier, authentication, { proxyType: node.proxyType, resource }, token);
      } catch (error) {
        log.warn({ proxy: node.nodeId, reason: (error as Error).message }, "proxy refused");
        throw new StatusError(status.UNAUTHENTICATED, `authentication failed: ${(error as Error).message}`);
      }
      return { node, resource };
    } catch (error) {
      if (error instanceof ProxyNodeError) throw new StatusError(status.INVALID_ARGUMENT, error.message);
      if (error instanceof RegistrationError) throw new StatusError(status.FAILED_PRECONDITION, error.message);
      throw error;
    }
  }
}
