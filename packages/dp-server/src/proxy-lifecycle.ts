import { keyString, type KeyString, type MeshSpec, nodeIdOf, type ProxyName, type ResourceDraft } from "@atoll/resource";
import type { ResourceReader } from "@atoll/replica";
import type { Clock, Log, ZoneStore } from "./ports.ts";
import { ProxyInsights } from "./proxy-insights.ts";
import type { ProxyNode } from "./proxy-node.ts";
import {
  insightKey,
  proxyTypes,
  registrationKey,
  registrationType,
  resourceKey,
  resourceTypeOf,
  type RegistrationSpec,
} from "./proxy-records.ts";
import { completeRegistration, registrationViolations } from "./registration.ts";
import { withoutOpenSubscriptions, type InsightSpec, type ResponseCounts } from "./subscription-insight.ts";

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
  /** How many subscriptions an insight keeps; 2 unless set. */
  keptSubscriptions?: number;
  clock: Clock;
  log: Log;
}

/** The control plane refuses this proxy; the message is for its operator. */
export class RegistrationError extends Error {
  override readonly name = "RegistrationError";
}

/** What a proxy stands for, and what is stored under its name now. */
export interface ResolvedProxy {
  resource: ResourceDraft;
  /** Set if the proxy brings a resource that replaces this one. */
  replaces: ResourceDraft | undefined;
}

interface LiveProxy {
  node: ProxyNode;
  /** As it was last seen in the log. */
  resource: ResourceDraft;
}

/**
 * Keeps a proxy's resource and insight in the zone's log true to its stream: registered when it connects with a resource of its
 * own, offline when the stream ends, removed when it stays away. A stored resource that the proxy did not bring is never removed.
 */
export class ProxyLifecycle {
  readonly #options: ProxyLifecycleOptions;
  readonly #insights: ProxyInsights;
  readonly #live = new Map<string, LiveProxy>();
  /** Keys of the records that must exist while a proxy is connected. */
  readonly #kept = new Map<KeyString, string>();
  readonly #leaving = new Map<string, NodeJS.Timeout>();
  readonly #unwatch: () => void;
  #closed = false;

  constructor(options: ProxyLifecycleOptions) {
    this.#options = options;
    const { store, instanceId, insightFlushMs, keptSubscriptions, clock, log } = options;
    this.#insights = new ProxyInsights({ store, instanceId, flushMs: insightFlushMs, keptSubscriptions, clock, log });
    this.#unwatch = store.watch(({ keys }) => this.#follow(keys));
    this.adopt(instanceId);
  }

  /** The resource this proxy stands for: what it brought, completed, or what is stored. Throws `RegistrationError`. */
  resolve(node: ProxyNode): ResolvedProxy {
    const { config, store, zone } = this.#options;
    const type = resourceTypeOf[node.proxyType];
    const stored = store.get(type, node.mesh, node.name);
    const mesh = node.proxyType === "dataplane" ? config.get<MeshSpec>("Mesh", "", node.mesh) : undefined;
    if (node.proxyType === "dataplane" && mesh === undefined) throw new RegistrationError(`mesh "${node.mesh}" does not exist`);
    if (node.resource === undefined) {
      if (stored === undefined) throw new RegistrationError(`${type} "${node.name}" is not found`);
      return { resource: stored, replaces: undefined };
    }
    const resource = completeRegistration(node.resource, zone, stored);
    const violations = registrationViolations(node.resource, resource, zone, mesh?.spec);
    if (violations.length > 0) throw new RegistrationError(violations.map(({ field, reason }) => `${field}: ${reason}`).join("; "));
    return { resource, replaces: stored };
  }

  /** An authenticated proxy's stream has begun. Nobody is told of it before `publish`. */
  connect(node: ProxyNode, resource: ResourceDraft): void {
    this.#stay(node.nodeId);
    this.#live.set(node.nodeId, { node, resource });
    this.#insights.begin(node);
  }

  /**
   * Registers a connected proxy, which others may call from then on. Resolves when its resource can be read here, which is at once if it
   * is stored as it is; rejects if the zone's log does not take it.
   */
  async publish(nodeId: string): Promise<void> {
    const live = this.#live.get(nodeId);
    if (live === undefined || this.#closed) return;
    const { node, resource } = live;
    this.#kept.set(keyString(insightKey(node)), node.nodeId);
    if (node.resource !== undefined) {
      this.#kept.set(keyString(resourceKey(node)), node.nodeId);
      this.#kept.set(keyString(registrationKey(node)), node.nodeId);
      // First, so that a replica that is killed in between leaves nothing behind that nobody removes.
      this.#register(node);
      await this.#options.store.put(resource);
      // Its stream may have ended meanwhile.
      if (this.#live.get(node.nodeId)?.node !== node) return;
    }
    this.#insights.publish(nodeId);
  }

  /**
   * A proxy is about to stop: it is offline from now on, so that others that can serve are called instead. Resolves when this zone knows.
   * False if neither this replica nor any other has it.
   */
  async leave(proxy: ProxyName): Promise<boolean> {
    const nodeId = nodeIdOf(proxy);
    if (this.#live.has(nodeId)) {
      await this.#insights.end(nodeId);
      return true;
    }
    const key = registrationKey(proxy);
    const registration = this.#options.store.get<RegistrationSpec>(registrationType, key.mesh, key.name);
    if (registration === undefined) return false;
    await this.#options.store.put({ ...key, spec: { ...registration.spec, leaving: true } });
    return true;
  }

  /** Ends the proxy's subscription now, and its registration after the delay unless it is back by then. */
  disconnect(nodeId: string): void {
    const live = this.#live.get(nodeId);
    if (live === undefined || this.#closed) return;
    this.#live.delete(nodeId);
    for (const key of [insightKey(live.node), resourceKey(live.node), registrationKey(live.node)]) this.#kept.delete(keyString(key));
    void this.#insights.end(nodeId);
    if (live.node.resource !== undefined) this.#leave(live.node, this.#options.instanceId);
  }

  count(nodeId: string, typeUrl: string, what: keyof ResponseCounts): void {
    this.#insights.count(nodeId, typeUrl, what);
  }

  recordCertificate(nodeId: string, issued: { expires: Date; backend: string; supportedBackends: string[] }): void {
    this.#insights.certificate(nodeId, issued);
  }

  /**
   * Takes over the proxies of a replica that is gone, or that this one served before it was killed: they get the same time to come
   * back as any other.
   */
  adopt(instanceId: string): void {
    const { store } = this.#options;
    const left: ProxyName[] = [];
    for (const { mesh, spec } of store.list<RegistrationSpec>(registrationType)) {
      if (spec.instanceId === instanceId) left.push({ proxyType: spec.proxyType, mesh, name: spec.name });
    }
    for (const proxyType of proxyTypes) {
      for (const { mesh, name, spec } of store.list<InsightSpec>(insightKey({ proxyType, mesh: "", name: "" }).type)) {
        const last = spec.subscriptions?.at(-1);
        if (last?.controlPlaneInstanceId === instanceId && last.disconnectTime === undefined) left.push({ proxyType, mesh, name });
      }
    }
    for (const proxy of left) if (!this.#leaving.has(nodeIdOf(proxy))) this.#leave(proxy, instanceId);
  }

  /** Replicas that somebody's registration names. */
  owners(): Set<string> {
    return new Set(this.#options.store.list<RegistrationSpec>(registrationType).map(({ spec }) => spec.instanceId));
  }

  /** Leaves every proxy registered and online: it connects to another replica now, or to the next process of this one. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#insights.close();
    for (const timer of this.#leaving.values()) clearTimeout(timer);
  }

  #register(node: ProxyNode): void {
    const spec: RegistrationSpec = { proxyType: node.proxyType, name: node.name, instanceId: this.#options.instanceId };
    this.#options.store.put({ ...registrationKey(node), spec }).catch((error: unknown) => {
      if (this.#live.get(node.nodeId)?.node !== node || this.#closed) return;
      this.#options.log.warn({ err: error, proxy: node.nodeId }, "cannot record who registered a proxy; trying again");
      setTimeout(() => this.#live.get(node.nodeId)?.node === node && !this.#closed && this.#register(node), 5_000).unref();
    });
  }

  #stay(nodeId: string): void {
    clearTimeout(this.#leaving.get(nodeId));
    this.#leaving.delete(nodeId);
  }

  #leave(proxy: ProxyName, owner: string): void {
    const nodeId = nodeIdOf(proxy);
    if (this.#live.has(nodeId) || this.#closed) return;
    this.#stay(nodeId);
    const timer = setTimeout(() => {
      this.#leaving.delete(nodeId);
      this.#remove(proxy, owner).catch((error: unknown) => {
        if (this.#closed) return;
        this.#options.log.warn({ err: error, proxy: nodeId }, "cannot remove a proxy that went away; trying again");
        this.#leave(proxy, owner);
      });
    }, this.#options.deregistrationDelayMs);
    this.#leaving.set(nodeId, timer);
  }

  async #remove(proxy: ProxyName, owner: string): Promise<void> {
    const { store, clock, log } = this.#options;
    const nodeId = nodeIdOf(proxy);
    if (this.#live.has(nodeId)) return;
    const keys = { insight: insightKey(proxy), registration: registrationKey(proxy) };
    const registration = store.get<RegistrationSpec>(registrationType, keys.registration.mesh, keys.registration.name)?.spec;
    const insight = store.get<InsightSpec>(keys.insight.type, keys.insight.mesh, keys.insight.name)?.spec;
    // Its newest stream goes to another replica: that one decides.
    const last = insight?.subscriptions?.at(-1);
    if ((registration && registration.instanceId !== owner) || (last && last.controlPlaneInstanceId !== owner)) return;
    if (registration === undefined) {
      if (insight !== undefined) await store.put({ ...keys.insight, spec: withoutOpenSubscriptions(insight, clock.now()) });
      return;
    }
    await Promise.all([store.delete(resourceKey(proxy)), store.delete(keys.insight)]);
    await store.delete(keys.registration);
    log.info({ proxy: nodeId }, "proxy deregistered");
  }

  /** Another replica's late removal must not take away a proxy that is connected here. */
  #follow(changed: readonly KeyString[]): void {
    for (const key of changed) {
      const live = this.#live.get(this.#kept.get(key) ?? "");
      if (live === undefined) continue;
      const { node } = live;
      const [type, mesh, name] = [key.slice(0, key.indexOf("/")), node.mesh, node.name];
      if (type === registrationType) {
        const { name: registered } = registrationKey(node);
        const registration = this.#options.store.get<RegistrationSpec>(registrationType, mesh, registered);
        if (registration === undefined) this.#register(node);
        else if (registration.spec.leaving) void this.#insights.end(node.nodeId);
      } else if (type === resourceTypeOf[node.proxyType]) {
        const stored = this.#options.store.get(type, mesh, name);
        if (stored !== undefined) live.resource = stored;
        else this.#registerAgain(live);
      } else {
        this.#insights.reassert(node.nodeId);
      }
    }
  }

  #registerAgain({ node, resource }: LiveProxy): void {
    this.#options.store
      .put(resource)
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error, proxy: node.nodeId }, "cannot register a connected proxy again; it leaves the mesh"),
      );
  }
}
