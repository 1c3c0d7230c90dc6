import { startOtlpCollector } from "@atoll/testkit/otlp-collector";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { expect, test } from "vitest";
import { otlpMetric, sendMetrics } from "./otlp-metrics.ts";
import { samplerOf } from "./otlp-traces.ts";
import { otlpWanted, tracingSettings } from "./tracing.ts";

const off = tracingSettings.parse(undefined);

test("nothing is sent unless somebody says where to", () => {
  expect(otlpWanted("traces", off, {})).toBe(false);
  expect(otlpWanted("traces", off, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" })).toBe(true);
  expect(otlpWanted("metrics", off, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4318/v1/traces" })).toBe(false);
  expect(otlpWanted("metrics", off, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318", OTEL_METRICS_EXPORTER: "none" })).toBe(false);
  expect(otlpWanted("traces", tracingSettings.parse({ openTelemetry: { enabled: true } }), {})).toBe(true);
  expect(otlpWanted("traces", tracingSettings.parse({ openTelemetry: { enabled: true } }), { OTEL_SDK_DISABLED: "true" })).toBe(false);
});

test("a sampler that does not exist is refused by its name", () => {
  expect(String(samplerOf({}))).toContain("ParentBased");
  expect(() => samplerOf({ OTEL_TRACES_SAMPLER: "sometimes" })).toThrow('OTEL_TRACES_SAMPLER: there is no sampler "sometimes"');
});

test("metrics have the same numbers in both forms", async () => {
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: "atoll_acks_total", help: "Accepted", labelNames: ["type"], registers }).inc({ type: "Cluster" }, 3);
  new Gauge({ name: "atoll_revision", help: "Revision", registers }).set(42);
  const seconds = new Histogram({ name: "atoll_push_seconds", help: "Time", labelNames: ["type"], buckets: [0.01, 0.1], registers });
  for (const value of [0.005, 0.05, 0.06, 7]) seconds.observe({ type: "Cluster" }, value);
  const at: [number, number] = [1, 0];
  const metrics = (await registry.getMetricsAsJSON()).map((one) => otlpMetric(one as unknown as Parameters<typeof otlpMetric>[0], at, at));
  expect(
    metrics.map(({ descriptor, dataPoints }) => [descriptor.name, descriptor.unit, dataPoints[0]!.value, dataPoints[0]!.attributes]),
  ).toEqual([
    ["atoll_acks_total", "1", 3, { type: "Cluster" }],
    ["atoll_revision", "1", 42, {}],
    ["atoll_push_seconds", "s", { buckets: { boundaries: [0.01, 0.1], counts: [1, 2, 1] }, sum: 7.115, count: 4 }, { type: "Cluster" }],
  ]);
});

test("metrics reach a receiver at the latest when the process ends, and a receiver that is away keeps nothing from ending", async () => {
  const collector = await startOtlpCollector();
  const registry = new Registry();
  new Gauge({ name: "atoll_revision", help: "Revision", registers: [registry] }).set(42);
  const source = { service: "zone", instanceId: "a", zone: "east" };
  await sendMetrics(registry, source, collector.url).close();
  expect([...collector.metrics]).toEqual([["atoll-zone", new Set(["atoll_revision"])]]);
  await collector.close();
  await sendMetrics(registry, source, collector.url).close();
});
