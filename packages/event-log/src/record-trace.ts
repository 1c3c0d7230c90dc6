import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context } from "@opentelemetry/api";
import type { AppendOptions, EventLog, LogRecord, NewRecord } from "./event-log.ts";

/** Where in a trace something happened; what follows from it is made a child of it. */
export type TraceContext = Context;

/** Header of a record that was written within a trace. https://www.w3.org/TR/trace-context/ */
export const traceHeader = "traceparent";

const tracer = trace.getTracer("atoll");

/** Now, for the beginning of a span: milliseconds since the epoch, with fractions. */
export const spanTime = (): number => performance.timeOrigin + performance.now();

/** Appends; within a trace as a span of it, whose context the records carry to everyone who reads them. */
export async function tracedAppend(
  log: EventLog,
  topic: string,
  records: readonly NewRecord[],
  options?: AppendOptions,
): Promise<number[]> {
  if (trace.getSpan(context.active()) === undefined) return log.append(topic, records, options);
  const span = tracer.startSpan(`append ${topic}`, { kind: SpanKind.PRODUCER, startTime: spanTime() });
  const carried: Record<string, string> = {};
  propagation.inject(trace.setSpan(context.active(), span), carried);
  try {
    return await log.append(
      topic,
      records.map((record) => ({ ...record, headers: { ...record.headers, ...carried } })),
      options,
    );
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
    throw error;
  } finally {
    span.end(spanTime());
  }
}

/**
 * Enters what was done with a record, from `beganMs` (as `spanTime` gives it) until now, in the trace that the record carries. Undefined if it
 * carries none, or none that is recorded here.
 */
export function traceRecord(name: string, record: LogRecord, beganMs: number, attributes?: Attributes): TraceContext | undefined {
  if (record.headers[traceHeader] === undefined) return undefined;
  const carried = propagation.extract(ROOT_CONTEXT, record.headers);
  const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, startTime: beganMs, attributes }, carried);
  if (!span.isRecording()) return undefined;
  span.end(spanTime());
  return trace.setSpan(carried, span);
}
