import { clusterKinds, type KubernetesObject, type ObjectKey } from "@atoll/kubernetes";
import { type Timers, wait } from "./delay.ts";
import type { Informer } from "./informer.ts";
import { isConflict, type KubernetesApi } from "./kubernetes-api.ts";

export interface LeaseElectionOptions {
  readonly api: KubernetesApi;
  readonly lease: Required<ObjectKey>;
  /** Watches that lease. */
  readonly informer: Informer;
  /** Unique to this process. */
  readonly identity: string;
  /** How long a holder that is silent keeps the lease. */
  readonly durationMs: number;
  /** Without a renewal for so long a holder stops by itself: less than `durationMs`. */
  readonly renewDeadlineMs: number;
  readonly timers: Timers;
  /** Begins, or ends, to be the one that writes. */
  readonly onChange: (leads: boolean) => void;
  readonly onError: (error: unknown) => void;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

/**
 * Who writes, among the replicas: the holder of a Lease, as Kubernetes' own controllers do it. A holder that could not renew it in time stops by
 * itself, before anybody else may take it; clocks of different machines are never compared.
 * https://kubernetes.io/docs/concepts/architecture/leases/
 */
export class LeaseElection {
  readonly #options: LeaseElectionOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** The lease as it was seen last, and when, by this clock. */
  #seen: { version: string; atMs: number } | undefined;
  #leads = false;
  #renewedMs = 0;
  #callOff: (() => void) | undefined;

  constructor(options: LeaseElectionOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get leads(): boolean {
    return this.#leads;
  }

  /** Gives the lease back, so that another one need not wait for its end. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    if (!this.#leads) return;
    this.#set(false);
    try {
      const lease = await this.#options.api.get(clusterKinds.lease, this.#options.lease);
      const spec = lease.spec as LeaseSpec;
      if (spec.holderIdentity !== this.#options.identity) return;
      await this.#options.api.replace(clusterKinds.lease, { ...lease, spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1 } });
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #run(): Promise<void> {
    const { timers, renewDeadlineMs, onError, informer } = this.#options;
    const { signal } = this.#stop;
    // As client-go: several tries within the deadline.
    const renewMs = renewDeadlineMs / 5;
    await Promise.race([informer.synced, aborted(signal)]);
    while (!signal.aborted) {
      let failed = false;
      try {
        const holds = await this.#acquire();
        if (holds) this.#renewedMs = timers.now();
        if (holds !== this.#leads) this.#set(holds);
        if (holds) this.#armDeadline();
      } catch (error) {
        failed = true;
        if (!signal.aborted) onError(error);
      }
      // Whoever does not hold it waits for its holder to give it back, or to be silent for too long.
      const waitMs = this.#leads || failed ? renewMs : Math.max(this.#freeInMs(), renewMs * 0.2 * timers.random());
      await this.#untilChanged(waitMs);
    }
  }

  #untilChanged(ms: number): Promise<void> {
    const { timers, informer } = this.#options;
    const changed = new AbortController();
    // What the holder itself writes changes the lease, too.
    const end = this.#leads ? () => {} : informer.listen(() => changed.abort());
    return wait(timers, ms, AbortSignal.any([this.#stop.signal, changed.signal])).finally(end);
  }

  #freeInMs(): number {
    const { timers, informer, lease } = this.#options;
    const spec = informer.get(lease)?.spec as LeaseSpec | undefined;
    if (!spec?.holderIdentity || this.#seen === undefined) return 0;
    return this.#seen.atMs + (spec.leaseDurationSeconds ?? 0) * 1000 - timers.now();
  }

  /** A call that hangs must not make a leader of one whose time is over. */
  #armDeadline(): void {
    const { timers, renewDeadlineMs } = this.#options;
    this.#callOff?.();
    this.#callOff = timers.after(renewDeadlineMs, () => {
      if (this.#leads && timers.now() - this.#renewedMs >= renewDeadlineMs) this.#set(false);
    });
  }

  #set(leads: boolean): void {
    this.#leads = leads;
    if (!leads) this.#callOff?.();
    this.#options.onChange(leads);
  }

  async #acquire(): Promise<boolean> {
    const { api, lease: key, identity, durationMs, timers } = this.#options;
    const time = new Date(timers.now()).toISOString().replace("Z", "000Z");
    const held = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(durationMs / 1000), renewTime: time };
    const lease = this.#options.informer.get(key);
    if (lease === undefined) {
      const spec = { ...held, acquireTime: time, leaseTransitions: 0 };
      return this.#won(() => api.create(clusterKinds.lease, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: key, spec }));
    }
    const spec = (lease.spec ?? {}) as LeaseSpec;
    const version = lease.metadata.resourceVersion ?? "";
    // It is this process's own clock that tells how long the holder has been silent.
    if (this.#seen?.version !== version) this.#seen = { version, atMs: timers.now() };
    const isOurs = spec.holderIdentity === identity;
    const isFree = !spec.holderIdentity || timers.now() - this.#seen.atMs >= (spec.leaseDurationSeconds ?? 0) * 1000;
    if (!isOurs && !isFree) return false;
    const next = isOurs ? { ...spec, ...held } : { ...held, acquireTime: time, leaseTransitions: (spec.leaseTransitions ?? 0) + 1 };
    return this.#won(() => api.replace(clusterKinds.lease, { ...lease, spec: next }));
  }

  async #won(write: () => Promise<KubernetesObject>): Promise<boolean> {
    try {
      this.#options.informer.observe(await write());
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
