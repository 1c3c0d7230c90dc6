import { type CollectedSpan, spansOf, type TraceRequest } from "@atoll/testkit/otlp-collector";
import { markdownTable } from "./markdown-table.ts";

/** A trace as a table: each span below its parent, when it began after the first one and how long it took. */
export function renderTrace(trace: TraceRequest): string {
  const spans = spansOf(trace);
  const zones = new Map(
    trace.resourceSpans.flatMap(({ resource, scopeSpans }) => {
      const zone = resource.attributes.find(({ key }) => key === "atoll.zone")?.value["stringValue"];
      return scopeSpans.flatMap((scope) => scope.spans.map((span) => [span.spanId, zone as string | undefined] as const));
    }),
  );
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const start = ({ startTimeUnixNano }: CollectedSpan) => BigInt(startTimeUnixNano);
  const first = spans.map(start).reduce((one, other) => (one < other ? one : other));
  const below = (parent: string | undefined): CollectedSpan[] =>
    spans
      .filter(({ parentSpanId }) => (parent === undefined ? !ids.has(parentSpanId) : parentSpanId === parent))
      .toSorted((one, other) => Number(start(one) - start(other)));
  const ms = (nanos: bigint) => (Number(nanos) / 1e6).toFixed(2);
  const rows = (parent: string | undefined, depth: number): string[][] =>
    below(parent).flatMap((span) => {
      const zone = zones.get(span.spanId);
      const { "atoll.proxy": proxy, "atoll.answer": answer } = span.attributes;
      const what = [`${"· ".repeat(depth)}${span.name}`, proxy, answer].filter((part) => part !== undefined).join(" ");
      const service = span.service.replace("atoll-", "") + (zone === undefined ? "" : ` (${zone})`);
      return [[what, service, ms(start(span) - first), ms(BigInt(span.endTimeUnixNano) - start(span))], ...rows(span.spanId, depth + 1)];
    });
  return markdownTable(["span", "process", "began at (ms)", "took (ms)"], rows(undefined, 0));
}
