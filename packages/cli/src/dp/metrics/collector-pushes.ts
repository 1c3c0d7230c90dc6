import type { Telemetry } from "@atoll/runtime/otlp-push";
import type { MetricFamily } from "./prometheus-text.ts";

interface Collector {
  socket: string;
  intervalMs: number;
}

export interface CollectorPushesOptions {
  service: string;
  /** What is to be sent now; undefined: nothing. */
  collect(): Promise<{ families: MetricFamily[]; labels: Record<string, string> } | undefined>;
  say(message: string): void;
}

/** Sends metrics to OpenTelemetry collectors, each at its own interval, by way of Envoy's sockets. */
export class CollectorPushes {
  readonly #options: CollectorPushesOptions;
  readonly #running = new Map<string, Collector & { push: Telemetry }>();
  #change: Promise<void> = Promise.resolve();

  constructor(options: CollectorPushesOptions) {
    this.#options = options;
  }

  /** These, and no others; those that are there already go on. */
  set(collectors: ReadonlyMap<string, Collector>): Promise<void> {
    return (this.#change = this.#change
      .then(() => this.#set(collectors))
      .catch((error: unknown) => this.#options.say(`metrics: ${(error as Error).message}`)));
  }

  close(): Promise<void> {
    return this.set(new Map());
  }

  async #set(collectors: ReadonlyMap<string, Collector>): Promise<void> {
    for (const [name, running] of this.#running) {
      const wanted = collectors.get(name);
      if (wanted?.socket === running.socket && wanted.intervalMs === running.intervalMs) continue;
      this.#running.delete(name);
      await running.push.close();
    }
    const { service, collect, say } = this.#options;
    for (const [name, collector] of collectors) {
      if (this.#running.has(name)) continue;
      // What sends is loaded only where something is to be sent.
      const { pushMetrics } = await import("@atoll/runtime/otlp-push");
      const push = pushMetrics({ ...collector, service, collect, onFault: (reason) => say(`metrics to ${name}: ${reason}`) });
      this.#running.set(name, { ...collector, push });
    }
  }
}
