import type { CollectedSpan } from "@atoll/testkit/otlp-collector";

/** The spans of one trace by `service: name`, each with the title of its parent, or the parent's id where that is no span of ours. */
export function titledSpans(all: readonly CollectedSpan[], traceId: string): Map<string, CollectedSpan & { parent: string }> {
  const spans = all.filter((span) => span.traceId === traceId);
  const title = ({ service, name }: CollectedSpan) => `${service.replace("atoll-", "")}: ${name}`;
  const byId = new Map(spans.map((span) => [span.spanId, title(span)]));
  return new Map(spans.map((span) => [title(span), { ...span, parent: byId.get(span.parentSpanId) ?? span.parentSpanId }]));
}
