import { createServer } from "node:http";

/** A span as a receiver of OTLP/HTTP gets it, with its attributes as a plain object. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  /** `service.name` of who sent it. */
  service: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  error?: string;
}

export interface OtlpCollector {
  url: string;
  spans: CollectedSpan[];
  /** One trace as it was received, in one message of OTLP. */
  trace(traceId: string): TraceRequest;
  /** Names of the metrics that were received, by the service that sent them. */
  metrics: Map<string, Set<string>>;
  close(): Promise<void>;
}

export interface Attribute {
  key: string;
  value: Record<string, unknown>;
}
/** `ExportTraceServiceRequest` as JSON, as far as it is looked at. */
export interface TraceRequest {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: SentSpan[] }[];
  }[];
}
type SentSpan = Omit<CollectedSpan, "attributes" | "service"> & { attributes: Attribute[]; status?: { code?: number; message?: string } };
interface MetricsRequest {
  resourceMetrics: { resource: { attributes: Attribute[] }; scopeMetrics: { metrics: { name: string }[] }[] }[];
}

const plain = (attributes: Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** A small receiver of OTLP as JSON over HTTP. https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export async function startOtlpCollector(port = 0): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const received: TraceRequest["resourceSpans"] = [];
  const metrics = new Map<string, Set<string>>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      if (request.url === "/v1/traces") {
        spans.push(...spansOf(body as TraceRequest));
        received.push(...(body as TraceRequest).resourceSpans);
      }
      if (request.url === "/v1/metrics") takeMetrics(body as MetricsRequest, metrics);
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: bound } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${bound}`,
    spans,
    trace: (traceId) => ({
      resourceSpans: received.flatMap(({ resource, scopeSpans }) => {
        const kept = scopeSpans.map((scope) => ({ ...scope, spans: scope.spans.filter((span) => span.traceId === traceId) }));
        return kept.some((scope) => scope.spans.length > 0) ? [{ resource, scopeSpans: kept }] : [];
      }),
    }),
    metrics,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Every span of a message. */
export function spansOf({ resourceSpans }: TraceRequest): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map(({ traceId, spanId, parentSpanId, name, startTimeUnixNano, endTimeUnixNano, attributes, status }) => ({
        traceId,
        spanId,
        parentSpanId: parentSpanId ?? "",
        name,
        service: String(plain(resource.attributes)["service.name"]),
        startTimeUnixNano: String(startTimeUnixNano),
        endTimeUnixNano: String(endTimeUnixNano),
        attributes: plain(attributes),
        ...(status?.code === 2 && { error: status.message ?? "" }),
      })),
    ),
  );
}

function takeMetrics({ resourceMetrics }: MetricsRequest, into: Map<string, Set<string>>): void {
  for (const { resource, scopeMetrics } of resourceMetrics) {
    const service = String(plain(resource.attributes)["service.name"]);
    const names = into.get(service) ?? new Set();
    into.set(service, names);
    for (const scope of scopeMetrics) for (const { name } of scope.metrics) names.add(name);
  }
}
