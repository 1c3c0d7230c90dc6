import { createServer, request as requestHttp, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import { connect as connectHttp2, constants } from "node:http2";
import { isIPv6, Socket } from "node:net";

export interface ProbeProxy {
  close(): void;
}

export interface ProbeProxyOptions {
  /** Where the application listens: the pod's address. */
  address: string;
  /** Where probes arrive; 0 = none do. */
  port: number;
  /** What probes come from, by which redirection lets them pass. */
  source?: string;
}

/**
 * Carries out the probes of an application on behalf of a kubelet, which has no certificate of the mesh: `/<port><path>` by HTTP, `/tcp/<port>` by a
 * connection, `/grpc/<port>` by grpc.health.v1. Answers 200 HEALTHY, or UNHEALTHY with 503 or the application's own status.
 */
export async function startProbeProxy({ address, port, source }: ProbeProxyOptions): Promise<ProbeProxy> {
  if (port === 0) return { close: () => {} };
  const target = { address, source: source ?? (isIPv6(address) ? "::6" : "127.0.0.6") };
  const server = createServer((request, response) => {
    void judge(target, request.url ?? "/", request.headers).then((verdict) => answer(response, verdict));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new Error(`probe port ${port} (KUMA_APPLICATION_PROBE_PROXY_PORT): ${error.message}`)));
    server.listen(port, resolve);
  });
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Target {
  readonly address: string;
  readonly source: string;
}

interface Verdict {
  readonly result: "HEALTHY" | "UNHEALTHY" | "UNKNOWN";
  readonly status: number;
}

const healthy: Verdict = { result: "HEALTHY", status: 200 };
const unhealthy: Verdict = { result: "UNHEALTHY", status: 503 };
const unknown: Verdict = { result: "UNKNOWN", status: 503 };

function answer(response: ServerResponse, { result, status }: Verdict): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }).end(`${result}\n`);
}

const headerPrefix = "x-kuma-probes-";

async function judge(target: Target, url: string, headers: IncomingHttpHeaders): Promise<Verdict> {
  const [, kind, digits = "", rest = ""] = /^(?:\/(tcp|grpc))?\/(\d+)(.*)$/s.exec(url) ?? [];
  const port = Number(digits);
  if (digits === "" || port > 65_535) return unknown;
  const timeoutMs = 1_000 * (Number(headers[`${headerPrefix}timeout`]) || 1);
  const call = { ...target, port, timeoutMs };
  try {
    if (kind === "tcp") return await probeTcp(call);
    if (kind === "grpc") return await probeGrpc(call, String(headers[`${headerPrefix}grpc-service`] ?? ""));
    return await probeHttp(call, rest.startsWith("/") ? rest : `/${rest}`, headers);
  } catch {
    return unhealthy;
  }
}

interface Call extends Target {
  readonly port: number;
  readonly timeoutMs: number;
}

const within = ({ timeoutMs }: Call): AbortSignal => AbortSignal.timeout(timeoutMs);

const dial = (call: Call): Socket =>
  new Socket({ signal: within(call) }).connect({ host: call.address, port: call.port, localAddress: call.source });

function probeTcp(call: Call): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const socket = dial(call);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve(healthy);
    });
  });
}

function probeHttp(call: Call, path: string, received: IncomingHttpHeaders): Promise<Verdict> {
  const {
    host: _ours,
    connection: _connection,
    ...passed
  } = Object.fromEntries(Object.entries(received).filter(([name]) => !name.startsWith(headerPrefix)));
  const host = received[`${headerPrefix}host`];
  const options = {
    host: call.address,
    port: call.port,
    localAddress: call.source,
    path,
    headers: { ...passed, ...(host !== undefined && { host: String(host) }) },
    signal: within(call),
    agent: false,
  };
  // A probe asks whether the application works, not who it is.
  const isSecure = String(received[`${headerPrefix}scheme`] ?? "").toUpperCase() === "HTTPS";
  return new Promise((resolve, reject) => {
    const request = isSecure ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options);
    request.once("error", reject);
    request.once("response", (response) => {
      const status = response.statusCode ?? 503;
      response.destroy();
      resolve(status >= 200 && status < 400 ? healthy : { result: "UNHEALTHY", status });
    });
    request.end();
  });
}

/** `HealthCheckRequest { service }` and `HealthCheckResponse { status }`: https://github.com/grpc/grpc/blob/master/doc/health-checking.md. */
const serving = Buffer.from([0x08, 0x01]);

function probeGrpc(call: Call, service: string): Promise<Verdict> {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const frame = Buffer.concat([Buffer.alloc(5), message]);
  frame.writeUInt32BE(message.length, 1);
  return new Promise((resolve, reject) => {
    const signal = within(call);
    const client = connectHttp2(`http://${isIPv6(call.address) ? `[${call.address}]` : call.address}:${call.port}`, {
      createConnection: () => dial(call),
    });
    client.once("error", reject);
    const stream = client.request(
      {
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
      },
      { signal },
    );
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("error", reject);
    stream.once("close", () => {
      client.destroy();
      resolve(Buffer.concat(chunks).subarray(5).equals(serving) ? healthy : unhealthy);
    });
    stream.end(frame);
  });
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
