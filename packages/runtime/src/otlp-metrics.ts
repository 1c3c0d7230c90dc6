import { ValueType, type Attributes, type HrTime } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from "@opentelemetry/sdk-metrics";
import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";
import { closeWithin, otlpResource, otlpUrl } from "./otlp-source.ts";
import type { Telemetry, TelemetrySource } from "./tracing.ts";

const unitOfSuffix: [RegExp, string][] = [
  [/_seconds(_total)?$/, "s"],
  [/_bytes(_total)?$/, "By"],
];

/** What `/metrics` shows goes to an OTLP receiver, too, every minute or as `OTEL_METRIC_EXPORT_INTERVAL` says. */
export function sendMetrics(registry: Registry, source: TelemetrySource, endpoint: string): Telemetry {
  const began = millisToHrTime(Date.now());
  const resource = otlpResource(source);
  const producer: MetricProducer = {
    collect: async () => {
      const now = millisToHrTime(Date.now());
      const metrics = (await registry.getMetricsAsJSON()).map((metric) => otlpMetric(metric as unknown as Collected, began, now));
      return { resourceMetrics: { resource, scopeMetrics: [{ scope: { name: "atoll" }, metrics }] }, errors: [] };
    },
  };
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: otlpUrl(endpoint, "metrics") }),
    exportIntervalMillis: Number(process.env["OTEL_METRIC_EXPORT_INTERVAL"] ?? 60_000),
    metricProducers: [producer],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { close: () => closeWithin(() => provider.shutdown()) };
}

type Value = MetricValue<string> & { metricName?: string };
type Collected = Omit<MetricObjectWithValues<Value>, "type"> & { type: string };

/** The same numbers in OTLP's form: counters as sums, histograms with their buckets apart instead of added up. */
export function otlpMetric({ name, help, type, values }: Collected, startTime: HrTime, endTime: HrTime): MetricData {
  const unit = unitOfSuffix.find(([suffix]) => suffix.test(name))?.[1] ?? "1";
  const base = {
    descriptor: { name, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (type === "histogram") {
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: histogramPoints(values, startTime, endTime) };
  }
  const dataPoints = values.map(({ value, labels }) => ({ startTime, endTime, value, attributes: { ...labels } as Attributes }));
  if (type === "counter") return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
  return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
}

function histogramPoints(values: readonly Value[], startTime: HrTime, endTime: HrTime): DataPoint<Histogram>[] {
  const points = new Map<string, { attributes: Attributes; bounds: number[]; upTo: number[]; sum: number; count: number }>();
  for (const { value, labels, metricName = "" } of values) {
    const { le, ...attributes } = labels as Record<string, string | number>;
    const key = JSON.stringify(attributes);
    const point = points.get(key) ?? { attributes, bounds: [], upTo: [], sum: 0, count: 0 };
    points.set(key, point);
    if (metricName.endsWith("_sum")) point.sum = value;
    else if (metricName.endsWith("_count")) point.count = value;
    else {
      point.upTo.push(value);
      if (le !== "+Inf") point.bounds.push(Number(le));
    }
  }
  return [...points.values()].map(({ attributes, bounds, upTo, sum, count }) => {
    const counts = upTo.map((total, index) => total - (upTo[index - 1] ?? 0));
    return { startTime, endTime, attributes, value: { buckets: { boundaries: bounds, counts }, sum, count } };
  });
}
