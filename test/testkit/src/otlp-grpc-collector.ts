import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";

export interface OtlpGrpcCollector {
  port: number;
  /** What came for one signal, as it was on the wire: texts in it can be looked for. */
  received(signal: "metrics" | "logs" | "trace"): string;
  /** How many there are now. */
  connections(): number;
  /** Forgets what came. */
  clear(): void;
  close(): Promise<void>;
}

/** A small receiver of OTLP over gRPC, without TLS: it takes everything. https://opentelemetry.io/docs/specs/otlp/#otlpgrpc */
export async function startOtlpGrpcCollector(at: { port?: number; host?: string; path?: string } = {}): Promise<OtlpGrpcCollector> {
  let calls: { path: string; body: string }[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => {
      calls.push({ path: String(headers[":path"]), body: Buffer.concat(chunks).toString("latin1") });
      // An empty message: not compressed, no bytes.
      stream.end(Buffer.alloc(5));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (at.path === undefined) server.listen(at.port ?? 0, at.host ?? "127.0.0.1", resolve);
    else server.listen(at.path, resolve);
  });
  const services = { metrics: "MetricsService", logs: "LogsService", trace: "TraceService" };
  return {
    port: at.path === undefined ? (server.address() as AddressInfo).port : 0,
    received: (signal) =>
      calls
        .filter(({ path }) => path.includes(services[signal]))
        .map(({ body }) => body)
        .join("\n"),
    connections: () => sessions.size,
    clear: () => (calls = []),
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions) session.destroy();
        server.close(() => resolve());
      }),
  };
}
