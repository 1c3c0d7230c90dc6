import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Histogram, type Registry } from "prom-client";

const tracer = trace.getTracer("atoll");
const now = (): number => performance.timeOrigin + performance.now();

/**
 * Counts and times the requests of an HTTP server, and puts each into the trace its `traceparent` names, or one of its own, where traces are
 * recorded.
 */
export class RequestWatch {
  readonly #contexts = new WeakMap<FastifyRequest["raw"], Context>();
  readonly #seconds: Histogram<"method" | "route" | "status">;

  constructor(registry: Registry) {
    this.#seconds = new Histogram({
      name: "atoll_http_request_seconds",
      help: "Time from a request's arrival until it is answered",
      labelNames: ["method", "route", "status"],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [registry],
    });
  }

  /** To be called before the server gets hooks of its own. */
  watch(app: FastifyInstance): void {
    app.addHook("onRequest", (request, _reply, done) => {
      const parent = propagation.extract(ROOT_CONTEXT, request.headers);
      const route = routeOf(request);
      const attributes = { "http.request.method": request.method, "http.route": route, ...meshOf(request) };
      const span = tracer.startSpan(`${request.method} ${route}`, { kind: SpanKind.SERVER, startTime: now(), attributes }, parent);
      const within = trace.setSpan(parent, span);
      this.#contexts.set(request.raw, within);
      context.with(within, done);
    });
    // Reading the body left the context.
    app.addHook("preHandler", (request, _reply, done) => context.with(this.#contexts.get(request.raw) ?? ROOT_CONTEXT, done));
    app.addHook("onResponse", (request, reply, done) => {
      const labels = { method: request.method, route: routeOf(request), status: String(reply.statusCode) };
      this.#seconds.observe(labels, reply.elapsedTime / 1000);
      const span = trace.getSpan(this.#contexts.get(request.raw) ?? ROOT_CONTEXT);
      span?.setAttribute("http.response.status_code", reply.statusCode);
      const revision = Number(reply.getHeader("atoll-revision"));
      if (revision > 0) span?.setAttribute("atoll.revision", revision);
      if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
      span?.end(now());
      done();
    });
  }

  /** Of the trace that the request is recorded in. */
  traceId(request: FastifyRequest): string | undefined {
    const span = trace.getSpan(this.#contexts.get(request.raw) ?? ROOT_CONTEXT);
    return span?.isRecording() === true ? span.spanContext().traceId : undefined;
  }
}

/** As it was declared, so that the number of different ones has a limit. */
const routeOf = (request: FastifyRequest): string => request.routeOptions.url?.replace(/:(\w+)/g, "{$1}") ?? "none";

function meshOf(request: FastifyRequest): { "atoll.mesh"?: string } {
  const mesh = (request.params as { mesh?: string } | undefined)?.mesh;
  return mesh === undefined ? {} : { "atoll.mesh": mesh };
}
