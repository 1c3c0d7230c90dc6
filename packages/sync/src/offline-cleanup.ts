import type { ChangeEvent } from "@atoll/replica";
import { isOnline, parseKeyString, type ResourceKey } from "@atoll/resource";
import type { WatchedReader } from "@atoll/replica";
import type { Schedule } from "./liveness-judge.ts";

export interface OfflineCleanupOptions {
  resources: WatchedReader & { delete(key: ResourceKey): Promise<unknown> };
  /** How long a resource may be there whose proxy was last seen before: a Dataplane; a ZoneIngress or ZoneEgress. */
  ages: { dataplaneMs: number; zoneProxyMs: number };
  /** Milliseconds since the epoch. */
  clock: () => number;
  schedule: Schedule;
  onRemoved: (key: ResourceKey) => void;
  onError: (error: unknown) => void;
}

interface Seen {
  subscriptions?: { connectTime?: string; disconnectTime?: string }[];
}

const resourceOf: Readonly<Record<string, string>> = {
  DataplaneInsight: "Dataplane",
  ZoneIngressInsight: "ZoneIngress",
  ZoneEgressInsight: "ZoneEgress",
};
/** A log that takes no records now is tried again after this long. */
const retryMs = 60_000;
const longestTimerMs = 2 ** 31 - 1;

/**
 * Removes resources whose proxies have been away for long and that nobody else removes: those that people wrote, and those of proxies
 * that were served by xDS servers that are gone for good. One that was never connected stays.
 */
export class OfflineCleanup {
  readonly #options: OfflineCleanupOptions;
  readonly #unwatch: () => void;
  #next: { atMs: number; cancel: () => void } | undefined;
  #closed = false;

  constructor(options: OfflineCleanupOptions) {
    this.#options = options;
    this.#unwatch = options.resources.watch((event) => this.#look(event));
    this.#sweep();
  }

  close(): void {
    this.#closed = true;
    this.#unwatch();
    this.#next?.cancel();
  }

  /** Only what could come due earlier than what is waited for matters; all else is seen when the time is there. */
  #look({ keys }: ChangeEvent): void {
    for (const text of keys) {
      const { type, mesh, name } = parseKeyString(text);
      if (resourceOf[type] === undefined) continue;
      const insight = this.#options.resources.get<Seen>(type, mesh, name);
      const dueMs = insight === undefined ? undefined : this.#dueMs(type, insight.spec);
      if (dueMs !== undefined) this.#wakeAt(dueMs);
    }
  }

  #dueMs(type: string, insight: Seen): number | undefined {
    if (isOnline(insight)) return undefined;
    const ends = (insight.subscriptions ?? []).flatMap(({ disconnectTime }) => (disconnectTime ? [Date.parse(disconnectTime)] : []));
    if (ends.length === 0) return undefined;
    const { dataplaneMs, zoneProxyMs } = this.#options.ages;
    return Math.max(...ends) + (type === "DataplaneInsight" ? dataplaneMs : zoneProxyMs);
  }

  #sweep(): void {
    const { resources, clock, onRemoved, onError } = this.#options;
    for (const [insightType, type] of Object.entries(resourceOf)) {
      for (const { mesh, name, spec } of resources.list<Seen>(insightType)) {
        const dueMs = this.#dueMs(insightType, spec);
        if (dueMs === undefined) continue;
        if (dueMs > clock()) {
          this.#wakeAt(dueMs);
          continue;
        }
        const key = { type, mesh, name };
        Promise.all([resources.delete(key), resources.delete({ type: insightType, mesh, name })]).then(
          () => onRemoved(key),
          (error: unknown) => {
            onError(error);
            this.#wakeAt(clock() + retryMs);
          },
        );
      }
    }
  }

  #wakeAt(atMs: number): void {
    if (this.#closed || (this.#next !== undefined && this.#next.atMs <= atMs)) return;
    this.#next?.cancel();
    const delayMs = Math.min(Math.max(0, atMs - this.#options.clock()), longestTimerMs);
    const cancel = this.#options.schedule(() => {
      this.#next = undefined;
      this.#sweep();
    }, delayMs);
    this.#next = { atMs, cancel };
  }
}
