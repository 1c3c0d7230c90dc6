import type { WithheldReport } from "@atoll/compiler";
import type { SnapshotCache } from "@atoll/xds";

const reportEveryMs = 200;

export interface AppliedReport {
  /** Highest revision that every live proxy here has acknowledged; null without proxies. */
  applied: number | null;
  proxies: number;
  /** Proxies that are behind, at most ten. */
  behind: string[];
  /** How many of the proxies have a token that a signing key signed, by its key. */
  tokenKeys?: Readonly<Record<string, number>>;
  /** What proxies do not get, because their Envoys would not take it. */
  withheld?: WithheldReport[];
}

export interface AppliedReporterOptions {
  cache: SnapshotCache;
  /** Of the configuration folded here. */
  revision: () => number;
  withheld: () => WithheldReport[];
  tokenKeys: () => Readonly<Record<string, number>>;
  publish: (report: AppliedReport) => void;
}

/** Says which revision the proxies of this replica have applied, when that changes. */
export class AppliedReporter {
  readonly #options: AppliedReporterOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AppliedReporterOptions) {
    this.#options = options;
  }

  current(): AppliedReport {
    const { cache, revision } = this.#options;
    const withheld = this.#options.withheld();
    const tokenKeys = this.#options.tokenKeys();
    // A proxy whose build comes out equal is at the new revision at once, and one that cannot be built stays where it is.
    const applied = cache.nodeIds().map((nodeId) => ({ nodeId, revision: cache.ackedRevision(nodeId) }));
    const lowest = applied.reduce((least, one) => Math.min(least, one.revision), Infinity);
    return {
      applied: applied.length === 0 ? null : lowest,
      proxies: applied.length,
      behind: applied.flatMap(({ nodeId, revision: at }) => (at < revision() ? [nodeId] : [])).slice(0, 10),
      ...(Object.keys(tokenKeys).length > 0 && { tokenKeys }),
      ...(withheld.length > 0 && { withheld }),
    };
  }

  /** Something was acknowledged, or a proxy came or went. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#options.publish(this.current());
    }, reportEveryMs);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
