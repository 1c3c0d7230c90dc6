import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { millisToHrTime } from "@opentelemetry/core";
import { ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricProducer,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
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
  const timeout = Math.min(intervalMs, sendLimitMs);
  const reader = new PeriodicExportingMetricReader({
    exporter: socketExporter(socket, timeout, onFault),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeout,
    metricProducers: [producer],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { close: () => closeWithin(() => provider.shutdown()) };
}

const exportMethod = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const sendLimitMs = 10_000;
const asIs = (bytes: Buffer): Buffer => bytes;

/** OTLP over gRPC on a socket, which OpenTelemetry's own exporter cannot do within a bundle. Tells a fault when it comes up. */
function socketExporter(socket: string, limitMs: number, onFault: (reason: string) => void): PushMetricExporter {
  const client = new Client(`unix://${socket}`, credentials.createInsecure());
  let fault: string | undefined;
  return {
    export: (metrics, done) => {
      const bytes = Buffer.from(ProtobufMetricsSerializer.serializeRequest(metrics) ?? []);
      // Who listens on the socket may be there a moment later.
      const patient = new Metadata({ waitForReady: true });
      client.makeUnaryRequest(exportMethod, asIs, asIs, bytes, patient, { deadline: Date.now() + limitMs }, (error) => {
        if (error && error.details !== fault) onFault(error.details);
        fault = error?.details;
        done(error ? { code: 1, error } : { code: 0 });
      });
    },
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(client.close()),
  };
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
