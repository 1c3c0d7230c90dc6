import { context, trace } from "@opentelemetry/api";

const tracer = trace.getTracer("atoll");
const now = (): number => performance.timeOrigin + performance.now();

/** Runs one step of a request; where the request's trace is recorded, as a span of it. */
export function spanned<Result>(name: string, step: () => Result): Result {
  if (trace.getSpan(context.active())?.isRecording() !== true) return step();
  const span = tracer.startSpan(name, { startTime: now() });
  try {
    return step();
  } finally {
    span.end(now());
  }
}
