import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type TextMapGetter } from "@opentelemetry/api";
import type { Metadata } from "@grpc/grpc-js";

const tracer = trace.getTracer("atoll");
const now = (): number => performance.timeOrigin + performance.now();
const metadataGetter: TextMapGetter<Metadata> = {
  get: (metadata, name) => metadata.get(name).map(String),
  keys: (metadata) => Object.keys(metadata.getMap()),
};

/** Registration as a span on the zone's side; its context goes along in the call's metadata. */
export function traceCall<Answer>(zone: string, metadata: Metadata, call: () => Promise<Answer>): Promise<Answer> {
  const span = tracer.startSpan("register zone", { kind: SpanKind.CLIENT, startTime: now(), attributes: { "atoll.zone": zone } });
  const within = trace.setSpan(context.active(), span);
  propagation.inject(within, metadata, { set: (carrier, name, value) => carrier.set(name, value) });
  return ended(span, () => context.with(within, call));
}

/** The other side of the same: what it writes belongs to the zone's trace. */
export function traceAnswer<Answer>(zone: string, metadata: Metadata, answer: () => Promise<Answer>): Promise<Answer> {
  const parent = propagation.extract(ROOT_CONTEXT, metadata, metadataGetter);
  const span = tracer.startSpan("accept zone", { kind: SpanKind.SERVER, startTime: now(), attributes: { "atoll.zone": zone } }, parent);
  return ended(span, () => context.with(trace.setSpan(parent, span), answer));
}

async function ended<Answer>(span: ReturnType<typeof tracer.startSpan>, run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
    throw error;
  } finally {
    span.end(now());
  }
}
