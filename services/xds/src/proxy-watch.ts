import { ChangeTrace, Counter, type Diagnostics, gaugesOf, Histogram, type Logger } from "@atoll/runtime";
import type { CompileRound } from "@atoll/compiler";
import type { AdsAck, AdsNack, AdsSend, SnapshotCache } from "@atoll/xds";

export interface ProxyWatchOptions {
  diagnostics: Diagnostics;
  log: Pick<Logger, "debug">;
  cache: SnapshotCache;
  /** Of the configuration folded here. */
  revision: () => number;
  /** Proxies that wait to be built. */
  waiting: () => number;
  /** Parts of proxies that their Envoys do not get. */
  withheld: () => number;
  /** What is applied may be another revision than before. */
  onApplied: () => void;
}

const seconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1, 5];
const shortType = (typeUrl: string): string => typeUrl.slice(typeUrl.lastIndexOf(".") + 1);

/** Observes how changes get from the fold into Envoys: metrics, the timeline of revisions, the traces of changes. */
export class ProxyWatch {
  readonly #options: ProxyWatchOptions;
  readonly #trace = new ChangeTrace();
  readonly #build: Histogram;
  readonly #push: Histogram<"type">;
  readonly #apply: Histogram;
  readonly #acks: Counter<"type">;
  readonly #nacks: Counter<"type">;
  readonly #refused: Counter;
  /** When each response that is not answered yet was sent, by proxy and type. */
  readonly #unanswered = new Map<string, Map<string, number>>();

  constructor(options: ProxyWatchOptions) {
    this.#options = options;
    const { cache, revision, waiting } = options;
    const registers = [options.diagnostics.registry];
    options.diagnostics.replica.follow = (records) => this.#trace.folded(records);
    this.#build = new Histogram({
      name: "atoll_build_seconds",
      help: "Time to rebuild the configuration that a change affects",
      buckets: seconds,
      registers,
    });
    this.#push = new Histogram({
      name: "atoll_push_seconds",
      help: "Time from sending a response to an Envoy until it answers",
      labelNames: ["type"],
      buckets: seconds,
      registers,
    });
    this.#apply = new Histogram({
      name: "atoll_apply_delay_seconds",
      help: "Time from the log's taking a change set until a proxy had all of it, by both machines' clocks",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 1, 5, 30],
      registers,
    });
    this.#acks = new Counter({ name: "atoll_acks_total", help: "Responses that Envoys accepted", labelNames: ["type"], registers });
    this.#nacks = new Counter({ name: "atoll_nacks_total", help: "Configurations that Envoy rejected", labelNames: ["type"], registers });
    this.#refused = new Counter({ name: "atoll_proxies_refused_total", help: "Streams of proxies refused for their token", registers });
    const gauge = gaugesOf(options.diagnostics.registry);
    gauge("atoll_proxies_connected", "Proxies that have a configuration from this process", () => cache.nodeIds().length);
    gauge(
      "atoll_proxies_behind",
      "Proxies connected here that have not acknowledged the revision folded here",
      () => cache.nodeIds().filter((nodeId) => cache.ackedRevision(nodeId) < revision()).length,
    );
    gauge("atoll_withheld_parts", "Parts of proxies that are withheld because Envoy would not take them", options.withheld);
    gauge("atoll_builds_waiting", "Proxies that wait to be built", waiting);
    gauge("atoll_pushes_unanswered", "Responses that Envoys have not answered", () => {
      let count = 0;
      for (const types of this.#unanswered.values()) count += types.size;
      return count;
    });
  }

  built(round: CompileRound): void {
    const { timeline } = this.#options.diagnostics;
    const { revision, built, changed, durationMs } = round;
    this.#options.log.debug({ revision, built, changed, durationMs }, "built");
    timeline.mark(revision, "built");
    this.#trace.built(round);
    this.#build.observe(round.durationMs / 1000);
  }

  onSend(event: AdsSend): void {
    let types = this.#unanswered.get(event.nodeId);
    if (types === undefined) this.#unanswered.set(event.nodeId, (types = new Map()));
    types.set(event.typeUrl, performance.now());
    this.#trace.sent({ ...event, acknowledged: this.#options.cache.ackedRevision(event.nodeId) });
  }

  onAck({ nodeId, typeUrl, revision }: AdsAck): void {
    this.#acks.inc({ type: shortType(typeUrl) });
    this.#answered(nodeId, typeUrl);
    this.#trace.answered({ nodeId, typeUrl, revision });
  }

  onNack(event: AdsNack): void {
    this.#nacks.inc({ type: shortType(event.typeUrl) });
    this.#answered(event.nodeId, event.typeUrl);
    this.#trace.answered(event);
  }

  onApplied(nodeId: string, revision: number): void {
    const { replica, timeline } = this.#options.diagnostics;
    this.#options.log.debug({ proxy: nodeId, revision }, "applied");
    timeline.mark(revision, `applied ${nodeId}`);
    this.#trace.applied(nodeId, revision);
    const tookMs = replica.sinceAppendedMs(revision);
    if (tookMs !== undefined) this.#apply.observe(tookMs / 1000);
    this.#options.onApplied();
  }

  onDisconnected(nodeId: string): void {
    this.#unanswered.delete(nodeId);
    this.#trace.disconnected(nodeId);
  }

  onRefused(): void {
    this.#refused.inc();
  }

  #answered(nodeId: string, typeUrl: string): void {
    const types = this.#unanswered.get(nodeId);
    const sent = types?.get(typeUrl);
    if (types === undefined || sent === undefined) return;
    types.delete(typeUrl);
    this.#push.observe({ type: shortType(typeUrl) }, (performance.now() - sent) / 1000);
  }
}
