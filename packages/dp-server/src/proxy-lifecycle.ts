import { randomUUID } from "node:crypto";
import { keyString, type MeshSpec, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import type { ResourceReader } from "@atoll/replica";
import type { Clock, Log, ZoneStore } from "./ports.ts";
import { resourceTypeOf, type ProxyNode, type ProxyType } from "./proxy-node.ts";
import { completeRegistration, insightTypeOf, membershipViolation } from "./registration.ts";
import { count, newSubscription, openSubscription, replaceSubscription, type InsightSpec, type ResponseCounts, type SubscriptionInsight } from "./subscription-insight.ts";

export interface ProxyLifecycleOptions {
  zone: string;
  /** Stable across restarts of this replica, so that it can clear what it left when it was killed. */
  instanceId: string;
  config: ResourceReader;
  store: ZoneStore;
  /** How long a proxy may be away before the resource it brought is removed. */
  deregistrationDelayMs: number;
  /** Counters are written at most this often. */
  insightFlushMs: number;
  clock: Clock;
  log: Log;
}

/** The control plane refuses this proxy; the message is for its operator. */
export class RegistrationError extends Error {
  override readonly name = "RegistrationError";
}

const registrationKey = (node: Pick<ProxyNode, "proxyType" | "mesh" | "name">): ResourceKey => ({
  type: registrationType,
  mesh: node.mesh,
  name: `${node.proxyType}.${node.name}`,
});

/** Notes in the zone's log which resources a proxy brought, and through which replica: only those leave with their proxy. */
const registrationType = "ProxyRegistration";
interface RegistrationSpec {
  proxyType: ProxyType;
  name: string;
  instanceId: string;
}

interface LiveProxy {
  node: ProxyNode;
  resource: ResourceDraft;
  subscription: SubscriptionInsight;
  mtls: InsightSpec["mTLS"];
  flush: NodeJS.Timeout | undefined;
}

/**
 * Keeps a proxy's resource and insight in the zone's log true to its stream: registered when it connects with a resource of its
 * own, offline when the stream ends, removed when it stays away. A stored resource that the proxy did not bring is never removed.
 */
export class ProxyLifecycle {
  readonly #options: ProxyLifecycleOptions;
  readonly #live = new Map<string, LiveProxy>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();
  readonly #unwatch: () => void;
  #closed = false;

  constructor(options: ProxyLifecycleOptions) {
    this.#options = options;
    this.#unwatch = options.store.watch(({ keys }) => this.#reassert(new Set(keys)));
    this.#adoptLeftovers();
  }

  /** The resource this proxy stands for: what it brought, completed, or what is stored. */
  resolve(node: ProxyNode): ResourceDraft {
    const type = resourceTypeOf[node.proxyType];
    const stored = this.#options.store.get(type, node.mesh, node.name);
    if (node.proxyType === "dataplane" && this.#options.config.get("Mesh", "", node.mesh) === undefined) throw new RegistrationError(`mesh ${node.mesh} does not exist`);
    if (node.resource === undefined) {
      if (stored === undefined) throw new RegistrationError(`${type} ${node.name} is not found`);
      return stored;
    }
    const complete = completeRegistration(node.resource, this.#options.zone, stored);
    if (complete.type === "Dataplane") {
      const violation = membershipViolation(complete, this.#options.config.get<MeshSpec>("Mesh", "", node.mesh)!.spec);
      if (violation !== null) throw new RegistrationError(violation);
    }
    return complete;
  }

  /** Registers an authenticated proxy whose stream has begun. */
  async connect(node: ProxyNode, resource: ResourceDraft): Promise<void> {
    const { store, clock, instanceId } = this.#options;
    clearTimeout(this.#leaving.get(node.nodeId));
    this.#leaving.delete(node.nodeId);
    const subscription = newSubscription(randomUUID(), instanceId, clock.now(), node.version);
    this.#live.set(node.nodeId, { node, resource, subscription, mtls: this.#insight(node)?.mTLS, flush: undefined });
    if (node.resource !== undefined) {
      await store.put(resource);
      await store.put({ ...registrationKey(node), spec: { proxyType: node.proxyType, name: node.name, instanceId } satisfies RegistrationSpec });
    }
    await this.#putInsight(node, openSubscription(this.#insight(node) ?? {}, subscription));
  }

  /** Ends the proxy's subscription now, and its registration after the delay unless it is back by then. */
  async disconnect(nodeId: string): Promise<void> {
    const live = this.#live.get(nodeId);
    if (live === undefined || this.#closed) return;
    this.#live.delete(nodeId);
    clearTimeout(live.flush);
    this.#scheduleRemoval(live.node, live.node.resource !== undefined);
    const ended = { ...live.subscription, disconnectTime: this.#options.clock.now().toISOString() };
    await this.#putInsight(live.node, replaceSubscription(this.#insight(live.node) ?? {}, ended));
  }

  count(nodeId: string, typeUrl: string, what: keyof ResponseCounts): void {
    const live = this.#live.get(nodeId);
    if (live === undefined) return;
    live.subscription = count(live.subscription, typeUrl, what, this.#options.clock.now());
    this.#scheduleFlush(live);
  }

  /** Records which certificate the proxy was given. */
  recordCertificate(nodeId: string, issued: { expires: Date; backend: string; supportedBackends: string[] }): void {
    const live = this.#live.get(nodeId);
    if (live === undefined) return;
    live.mtls = {
      certificateExpirationTime: issued.expires.toISOString(),
      lastCertificateRegeneration: this.#options.clock.now().toISOString(),
      certificateRegenerations: (live.mtls?.certificateRegenerations ?? 0) + 1,
      issuedBackend: issued.backend,
      supportedBackends: issued.supportedBackends,
    };
    this.#scheduleFlush(live);
  }

  /** Leaves every proxy registered: the next process of this replica finds them, and they find it. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    for (const live of this.#live.values()) clearTimeout(live.flush);
  }

  #insight(node: Pick<ProxyNode, "proxyType" | "mesh" | "name">): InsightSpec | undefined {
    return this.#options.store.get<InsightSpec>(insightTypeOf[node.proxyType], node.mesh, node.name)?.spec;
  }

  async #putInsight(node: Pick<ProxyNode, "proxyType" | "mesh" | "name">, spec: InsightSpec): Promise<void> {
    await this.#options.store.put({ type: insightTypeOf[node.proxyType], mesh: node.mesh, name: node.name, spec });
  }

  #scheduleFlush(live: LiveProxy): void {
    live.flush ??= setTimeout(() => {
      live.flush = undefined;
      if (this.#live.get(live.node.nodeId) !== live) return;
      const spec = replaceSubscription({ ...this.#insight(live.node), ...(live.mtls && { mTLS: live.mtls }) }, live.subscription);
      this.#putInsight(live.node, spec).catch((error) => this.#options.log.warn({ err: error, proxy: live.node.nodeId }, "cannot record the state of a proxy"));
    }, this.#options.insightFlushMs);
  }

  #scheduleRemoval(node: Pick<ProxyNode, "nodeId" | "proxyType" | "mesh" | "name">, broughtResource: boolean): void {
    clearTimeout(this.#leaving.get(node.nodeId));
    const timer = setTimeout(() => {
      this.#leaving.delete(node.nodeId);
      this.#remove(node, broughtResource).catch((error) => this.#options.log.warn({ err: error, proxy: node.nodeId }, "cannot remove a proxy that went away"));
    }, this.#options.deregistrationDelayMs);
    this.#leaving.set(node.nodeId, timer);
  }

  async #remove(node: Pick<ProxyNode, "nodeId" | "proxyType" | "mesh" | "name">, broughtResource: boolean): Promise<void> {
    const last = this.#insight(node)?.subscriptions?.at(-1);
    // Its newest stream goes to another replica: that one decides.
    if (last !== undefined && last.controlPlaneInstanceId !== this.#options.instanceId) return;
    if (!broughtResource || this.#live.has(node.nodeId)) return;
    await this.#options.store.delete({ type: resourceTypeOf[node.proxyType], mesh: node.mesh, name: node.name });
    await this.#options.store.delete(registrationKey(node));
    await this.#options.store.delete({ type: insightTypeOf[node.proxyType], mesh: node.mesh, name: node.name });
    this.#options.log.info({ proxy: node.nodeId }, "proxy deregistered");
  }

  /** Another replica's late removal must not take away a proxy that is connected here. */
  #reassert(changed: ReadonlySet<string>): void {
    for (const { node, resource } of this.#live.values()) {
      if (node.resource === undefined || !changed.has(keyString(resource))) continue;
      if (this.#options.store.get(resource.type, resource.mesh, resource.name) !== undefined) continue;
      this.#options.store.put(resource).catch((error) => this.#options.log.warn({ err: error, proxy: node.nodeId }, "cannot register a connected proxy again"));
    }
  }

  /** Proxies that this replica served when it was killed get the same time to come back as any other. */
  #adoptLeftovers(): void {
    for (const { mesh, spec } of this.#options.store.list<RegistrationSpec>(registrationType)) {
      if (spec.instanceId !== this.#options.instanceId) continue;
      this.#scheduleRemoval({ nodeId: `${mesh}.${spec.name}`, proxyType: spec.proxyType, mesh, name: spec.name }, true);
    }
  }
}
