import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { z } from "zod";
import { startDebugServer } from "./debug-server.ts";
import { diagnosticsTls, type diagnosticsSettings } from "./diagnostics-settings.ts";
import { readerGate } from "./reader-gate.ts";
import { Refusals } from "./refusals.ts";
import type { Logger } from "./logger.ts";
import { ReplicaMetrics, type ObservedReplica } from "./replica-metrics.ts";
import { RequestWatch } from "./request-watch.ts";
import { Timeline } from "./timeline.ts";
import { otlpWanted, startTracing, type Telemetry, type TelemetrySource, type TracingSettings } from "./tracing.ts";
import { version } from "./version.ts";

export interface DiagnosticsSettings {
  diagnostics: z.infer<typeof diagnosticsSettings>;
  tracing: TracingSettings;
}

/** A service's own account of itself: health, metrics, traces, and debug views on its diagnostics port. */
export class Diagnostics {
  readonly registry = new Registry();
  /** Debug views by name; a service adds its own as its parts come up. */
  readonly views: Record<string, () => unknown> = {};
  readonly timeline = new Timeline();
  /** Observes the service's replica of the configuration. */
  readonly replica = new ReplicaMetrics(this.registry, this.timeline);
  /** Of all ports of the service. */
  readonly refusals = new Refusals(this.registry);
  /** What the service's start waits for, or null. */
  notReady: string | null;
  /** Why a service that has started is not ready all the same, each asked whenever `/readyz` is; undefined: it is. */
  readonly checks: (() => string | undefined)[] = [];
  #requests: RequestWatch | undefined;
  readonly #parts: { close(): Promise<void> }[] = [];

  private constructor(notReady: string) {
    this.notReady = notReady;
  }

  /** Listens before anything else of a service is there, so that `/readyz` can say what it waits for. */
  static async open(
    settings: DiagnosticsSettings,
    notReady: string,
    source: TelemetrySource,
    log: Pick<Logger, "warn">,
  ): Promise<Diagnostics> {
    const diagnostics = new Diagnostics(notReady);
    const { registry, views } = diagnostics;
    collectDefaultMetrics({ register: registry });
    const build = { name: "atoll_build_info", help: "Version of Atoll, and of the Kuma API it speaks", labelNames: ["version", "kuma"] };
    new Gauge({ ...build, registers: [registry] }).set({ version: version.atoll, kuma: version.kuma }, 1);
    const { serverInterface: address, serverPort: port, openMetrics } = settings.diagnostics;
    const server = await startDebugServer({
      address,
      port,
      registry,
      gate: readerGate(settings.diagnostics, "diagnostics"),
      openMetrics,
      tls: diagnosticsTls(settings.diagnostics),
      onRefused: diagnostics.refusals.to(log),
      views,
      notReady: () => {
        const found = diagnostics.checks.map((check) => check()).filter((reason) => reason !== undefined);
        return found[0] ?? diagnostics.notReady;
      },
    });
    const telemetry = [await startTracing(settings.tracing, source), await startMetrics(settings.tracing, registry, source)];
    diagnostics.#parts.push(server, ...telemetry.filter((part) => part !== undefined));
    return diagnostics;
  }

  /** Of the service's HTTP servers, all together. */
  get requests(): RequestWatch {
    return (this.#requests ??= new RequestWatch(this.registry));
  }

  /** Shows how far this process has folded the configuration, and when each revision came. */
  observe(replica: ObservedReplica): void {
    this.replica.show(replica);
    this.views["timeline"] = () => this.timeline.view();
    this.views["replica"] = () => ({ revision: replica.revision, checksum: replica.checksum(), resources: replica.size });
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.close()));
  }
}

async function startMetrics(settings: TracingSettings, registry: Registry, source: TelemetrySource): Promise<Telemetry | undefined> {
  if (!otlpWanted("metrics", settings, process.env)) return undefined;
  const { sendMetrics } = await import("./otlp-metrics.ts");
  return sendMetrics(registry, source, settings.openTelemetry.url);
}
