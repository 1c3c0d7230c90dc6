import { status, type Metadata } from "@grpc/grpc-js";
import type { Node } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { EndpointHealthResponse } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import { type DataplaneSpec, type KeyString, nodeIdOf, parseKeyString } from "@atoll/resource";
import { HdsServer, StatusError } from "@atoll/xds";
import { withHealth } from "./health-results.ts";
import { healthSpecifier, type HealthCheckDefaults } from "./health-specifier.ts";
import type { Log, ZoneStore } from "./ports.ts";
import type { ProxyNode } from "./proxy-node.ts";

export interface HealthDiscoveryOptions {
  store: ZoneStore;
  /** Identifies and authenticates the client of a stream, as with ADS. */
  admit: (node: Node, metadata: Metadata) => Promise<{ node: ProxyNode; resource: { spec: unknown } }>;
  defaults?: HealthCheckDefaults;
  log: Log;
}

/** Has proxies check themselves and the applications beside them, and keeps the state of their inbounds true to it. */
export class HealthDiscovery {
  readonly server: HdsServer;
  readonly #options: HealthDiscoveryOptions;
  readonly #checked = new Map<string, { node: ProxyNode; streams: number }>();
  readonly #unwatch: () => void;

  constructor(options: HealthDiscoveryOptions) {
    this.#options = options;
    this.server = new HdsServer({
      onNode: (node, metadata) => this.#begin(node, metadata),
      onHealth: (nodeId, response) => this.#apply(nodeId, response),
      onStreamClosed: (nodeId) => this.#end(nodeId),
      onError: (error) => options.log.error({ err: error }, "health discovery stream failed"),
    });
    this.#unwatch = options.store.watch(({ keys }) => this.#assignAnew(keys));
  }

  close(): void {
    this.#unwatch();
  }

  async #begin(envoy: Node, metadata: Metadata) {
    const { node, resource } = await this.#options.admit(envoy, metadata);
    if (node.proxyType !== "dataplane") throw new StatusError(status.INVALID_ARGUMENT, "only dataplanes have their health checked");
    const { nodeId } = node;
    this.#checked.set(nodeId, { node, streams: (this.#checked.get(nodeId)?.streams ?? 0) + 1 });
    return { nodeId, specifier: healthSpecifier(resource.spec as DataplaneSpec, adminOf(node), this.#options.defaults) };
  }

  #end(nodeId: string): void {
    const checked = this.#checked.get(nodeId);
    if (checked && --checked.streams <= 0) this.#checked.delete(nodeId);
  }

  #apply(nodeId: string, response: EndpointHealthResponse): void {
    const { store, log } = this.#options;
    const node = this.#checked.get(nodeId)?.node;
    const stored = node && store.get<DataplaneSpec>("Dataplane", node.mesh, node.name);
    // Its ADS stream may not have registered it yet; the next report comes soon.
    if (stored === undefined) return;
    const spec = withHealth(stored.spec, response);
    if (spec === stored.spec) return;
    log.info({ proxy: nodeId, inbound: spec.networking.inbound?.map(({ port, state = "Ready" }) => `${port} ${state}`) }, "health changed");
    store
      .put({ ...stored, spec })
      .catch((error: unknown) => log.warn({ err: error, proxy: nodeId }, "cannot record the health of a proxy"));
  }

  /** A stored dataplane may get other inbounds or probes while it is connected. */
  #assignAnew(keys: readonly KeyString[]): void {
    if (this.#checked.size === 0) return;
    for (const key of keys) {
      if (!key.startsWith("Dataplane/")) continue;
      const { mesh, name } = parseKeyString(key);
      const nodeId = nodeIdOf({ proxyType: "dataplane", mesh, name });
      const checked = this.#checked.get(nodeId);
      const stored = checked && this.#options.store.get<DataplaneSpec>("Dataplane", mesh, name);
      if (stored) this.server.assign(nodeId, healthSpecifier(stored.spec, adminOf(checked.node), this.#options.defaults));
    }
  }
}

const adminOf = ({ adminPort: port, adminAddress: address }: ProxyNode): { port: number | undefined; address: string | undefined } => ({
  port,
  address,
});
