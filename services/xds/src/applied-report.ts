import type { ZoneReplica } from "@atoll/replica";
import type { SnapshotCache } from "@atoll/xds";

/** What one replica says of its proxies, in the zone's log. Not on the REST API. */
const statusType = "ProxyStatus";
const reportEveryMs = 200;

export interface AppliedReport {
  /** Highest revision that every live proxy here has acknowledged; null without proxies. */
  applied: number | null;
  proxies: number;
  /** Proxies that are behind, at most ten. */
  behind: string[];
}

/** Reports which revision the proxies of this replica have applied, when that changes. */
export class AppliedReporter {
  readonly #options: {
    store: ZoneReplica;
    cache: SnapshotCache;
    instanceId: string;
    revision: () => number;
    onError: (error: unknown) => void;
  };
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    store: ZoneReplica;
    cache: SnapshotCache;
    instanceId: string;
    revision: () => number;
    onError: (error: unknown) => void;
  }) {
    this.#options = options;
  }

  current(): AppliedReport {
    const { cache, revision } = this.#options;
    const nodes = cache.nodeIds();
    // A snapshot that is acknowledged as it is stands for every later revision that did not touch its proxy.
    const applied = nodes.map((nodeId) => ({
      nodeId,
      revision: cache.ackedRevision(nodeId) >= cache.get(nodeId)!.revision ? revision() : cache.ackedRevision(nodeId),
    }));
    const lowest = Math.min(...applied.map((one) => one.revision));
    return {
      applied: nodes.length === 0 ? null : lowest,
      proxies: nodes.length,
      behind: applied
        .filter((one) => one.revision < revision())
        .map((one) => one.nodeId)
        .slice(0, 10),
    };
  }

  /** Something was acknowledged, or a proxy came or went. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const { store, instanceId, onError } = this.#options;
      store.put({ type: statusType, mesh: "", name: instanceId, spec: this.current() }).catch(onError);
    }, reportEveryMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
