import type { StackKind } from "@atoll/demo/backends";
import { pathOf, readDocuments, startTopology, topologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { type CollectedSpan, startOtlpCollector, type TraceRequest } from "@atoll/testkit/otlp-collector";
import { withStack } from "./bench-stack.ts";
import { withRound } from "./propagation.ts";

const rounds = 21;
const lastSpans = ["deliver", "push RouteConfiguration"];
/** Names of the machine say nothing to a reader. */
const shownAttributes = ["service.name", "service.version", "atoll.zone"];

export interface TraceOptions {
  stack: StackKind;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

/** Changes a route 21 times with tracing on, and gives the trace of the change that took the median time until Envoy's acknowledgement. */
export async function recordTrace(options: TraceOptions): Promise<TraceRequest> {
  const collector = await startOtlpCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "100", OTEL_METRICS_EXPORTER: "none" };
  try {
    return await withStack(
      { zones: ["east", "west"], kind: options.stack, env, onProgress: options.onProgress },
      async ({ stack, topologyBase }) => {
        const ports = topologyPorts(topologyBase);
        const topology = await startTopology(stack, ports, { east: "east", west: "west" }, (what) => options.onProgress(`start ${what}`));
        try {
          const url = `http://127.0.0.1:${ports.edgePort}/orders`;
          await eventually(async () => (await fetch(url)).status === 200, { limitMs: 60_000, everyMs: 50 });
          const route = readDocuments("gateways", ports).find(({ type, name }) => type === "MeshGatewayRoute" && name === "edge")!;
          const took: { traceId: string; ms: number }[] = [];
          for (let round = 0; round < rounds; round++) {
            options.signal.throwIfAborted();
            const body = JSON.stringify(withRound(route, String(round)));
            const answer = await fetch(stack.url + pathOf(route), { method: "PUT", headers: { "content-type": "application/json" }, body });
            const revision = Number(answer.headers.get("atoll-revision"));
            const spans = await eventually(() => completeTrace(collector.spans, revision), { limitMs: 20_000 });
            took.push({ traceId: spans[0]!.traceId, ms: lengthMs(spans) });
          }
          const median = took.toSorted((one, other) => one.ms - other.ms)[Math.floor(rounds / 2)]!;
          return withoutMachine(collector.trace(median.traceId));
        } finally {
          await topology.close();
        }
      },
    );
  } finally {
    await collector.close();
  }
}

/** The spans of the change with this revision, once the last process has sent its own. */
function completeTrace(spans: readonly CollectedSpan[], revision: number): CollectedSpan[] {
  const traceId = spans.find(({ name, attributes }) => name === "fold" && Number(attributes["atoll.revision"]) === revision)?.traceId;
  const trace = spans.filter((span) => span.traceId === traceId);
  const sent = (service: string, name: string) => trace.some((span) => span.service === service && span.name === name);
  const missing = [...lastSpans.map((name) => ["atoll-xds", name] as const), ["atoll-zone", "fold"] as const].filter(
    ([service, name]) => !sent(service, name),
  );
  if (missing.length > 0) throw new Error(`revision ${revision}: no span ${missing.join(", ")}`);
  return trace;
}

const lengthMs = (spans: readonly CollectedSpan[]): number => {
  const acknowledged = spans.filter(({ name }) => lastSpans.includes(name)).map(({ endTimeUnixNano }) => BigInt(endTimeUnixNano));
  const began = spans.map(({ startTimeUnixNano }) => BigInt(startTimeUnixNano));
  const latest = acknowledged.reduce((one, other) => (one > other ? one : other));
  return Number(latest - began.reduce((one, other) => (one < other ? one : other))) / 1e6;
};

const withoutMachine = ({ resourceSpans }: TraceRequest): TraceRequest => ({
  resourceSpans: resourceSpans.map(({ resource, ...rest }) => ({
    ...rest,
    resource: { attributes: resource.attributes.filter(({ key }) => shownAttributes.includes(key)) },
  })),
});
