import { credentials } from "@grpc/grpc-js";
import { millisToHrTime } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader, type MetricProducer } from "@opentelemetry/sdk-metrics";
import { otlpMetric } from "./otlp-metrics.ts";
import { closeWithin } from "./otlp-source.ts";
import type { Telemetry } from "./tracing.ts";
import { version } from "./version.ts";

export type { Telemetry };

/** Numbers of a metric as Prometheus' text format has them. */
export interface PushedFamily {
  name: string;
  help: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

export interface PushOptions {
  /** Where a collector takes OTLP over gRPC. */
  socket: string;
  intervalMs: number;
  /** By which the sender is known. */
  service: string;
  /** What is sent at each interval, with labels for all of it; undefined: nothing. */
  collect(): Promise<{ families: readonly PushedFamily[]; labels: Record<string, string> } | undefined>;
  onFault(reason: string): void;
}

/** Sends what `collect` has to an OpenTelemetry collector at each interval, and at the end once more. */
export function pushMetrics({ socket, intervalMs, service, collect, onFault }: PushOptions): Telemetry {
  const began = millisToHrTime(Date.now());
  const resource = defaultResource().merge(resourceFromAttributes({ "service.name": service }));
  const producer: MetricProducer = {
    collect: async () => {
      const now = millisToHrTime(Date.now());
      const { families = [], labels = {} } = (await collect()) ?? {};
      const metrics = families.flatMap((family) => otlpForms(family, labels)).map((family) => otlpMetric(family, began, now));
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: "kuma", version: version.kuma }, metrics }] }, errors: [] };
    },
  };
  let fault: string | undefined;
  const exporter = new OTLPMetricExporter({ url: `unix://${socket}`, credentials: credentials.createInsecure() });
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (result) => {
      const reason = result.code === 0 ? undefined : (result.error?.message ?? "refused");
      if (reason !== undefined && reason !== fault) onFault(reason);
      fault = reason;
      done(result);
    });
  const timeout = Math.min(intervalMs, 10_000);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeout,
    metricProducers: [producer],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { close: () => closeWithin(() => provider.shutdown()) };
}

type Collected = Parameters<typeof otlpMetric>[0];

/** OTLP's SDK has no summaries: their quantiles are told as gauges, their sum and count as counters. */
function otlpForms({ name, help, type, samples }: PushedFamily, labels: Record<string, string>): Collected[] {
  const as = (formName: string, formType: string, some: PushedFamily["samples"]): Collected[] =>
    some.length === 0
      ? []
      : [
          {
            name: formName,
            help,
            type: formType,
            values: some.map((sample) => ({ value: sample.value, labels: { ...labels, ...sample.labels }, metricName: sample.name })),
          } as unknown as Collected,
        ];
  if (type !== "summary") return as(name, type, samples);
  const ending = (suffix: string) => samples.filter((sample) => sample.name === `${name}${suffix}`);
  return [
    ...as(name, "gauge", ending("")),
    ...as(`${name}_sum`, "counter", ending("_sum")),
    ...as(`${name}_count`, "counter", ending("_count")),
  ];
}
