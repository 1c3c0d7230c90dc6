import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { startDebugServer } from "./debug-server.ts";
import { Timeline } from "./timeline.ts";

/** The part of a folded configuration that every service shows. */
export interface ObservedReplica {
  readonly revision: number;
  readonly size: number;
  checksum(): string;
  watch(listener: (event: { revision: number }) => void): () => void;
}

/** A service's own account of itself: health, metrics and debug views on its diagnostics port. */
export class Diagnostics {
  readonly registry = new Registry();
  /** Debug views by name; a service adds its own as its parts come up. */
  readonly views: Record<string, () => unknown> = {};
  readonly timeline = new Timeline();
  /** Why the service is not ready to serve, or null. */
  notReady: string | null;
  #server: { close(): Promise<void> } | undefined;

  private constructor(notReady: string) {
    this.notReady = notReady;
  }

  /** Listens before anything else of a service is there, so that `/readyz` can say what it waits for. */
  static async open(settings: { serverInterface: string; serverPort: number }, notReady: string): Promise<Diagnostics> {
    const diagnostics = new Diagnostics(notReady);
    const { registry, views } = diagnostics;
    collectDefaultMetrics({ register: registry });
    const { serverInterface: address, serverPort: port } = settings;
    diagnostics.#server = await startDebugServer({ address, port, registry, views, notReady: () => diagnostics.notReady });
    return diagnostics;
  }

  /** Shows how far this process has folded the configuration, and when each revision came. */
  observe(replica: ObservedReplica): void {
    replica.watch(({ revision }) => this.timeline.mark(revision, "folded"));
    this.registry.registerMetric(
      new Gauge({
        name: "atoll_revision",
        help: "Revision of the configuration folded here",
        registers: [],
        collect() {
          this.set(replica.revision);
        },
      }),
    );
    this.views["timeline"] = () => this.timeline.view();
    this.views["replica"] = () => ({ revision: replica.revision, checksum: replica.checksum(), resources: replica.size });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
