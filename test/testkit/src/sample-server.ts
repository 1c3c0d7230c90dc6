import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { PemPair } from "./self-signed-pair.ts";

export interface SampleRequest {
  method: string;
  path: string;
  host: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface SampleHttpServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: SampleRequest[];
  /** Ends at once: open connections are cut. */
  stop(): Promise<void>;
}

export interface SampleTcpServer extends AsyncDisposable {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * An HTTP/1.1 server on 127.0.0.1 that answers what it saw, as JSON with its own name: {service, method, path, host, headers, body}.
 * A path `/status/<code>` is answered with that status. With a key pair it speaks TLS.
 */
export async function startHttpServer(name: string, options: { port?: number; tls?: PemPair } = {}): Promise<SampleHttpServer> {
  const requests: SampleRequest[] = [];
  const answer: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      const seen: SampleRequest = {
        method: request.method ?? "",
        path,
        host: request.headers.host ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      requests.push(seen);
      const status = Number(/^\/status\/(\d{3})\b/.exec(path)?.[1] ?? 200);
      response.writeHead(status, { "content-type": "application/json", "x-service": name });
      response.end(JSON.stringify({ service: name, ...seen }));
    });
  };
  const server = options.tls
    ? createHttpsServer({ cert: options.tls.certificatePem, key: options.tls.privateKeyPem }, answer)
    : createHttpServer(answer);
  const listening = await listen(server, options.port);
  return { ...listening, url: `${options.tls ? "https" : "http"}://127.0.0.1:${listening.port}`, requests };
}

/** A TCP server on 127.0.0.1 that greets with `<name>\n` and then sends back every byte it gets. */
export async function startTcpServer(name: string, options: { port?: number } = {}): Promise<SampleTcpServer> {
  return listen(
    createTcpServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.write(`${name}\n`);
      socket.pipe(socket);
    }),
    options.port,
  );
}

async function listen(server: Server, port = 0): Promise<SampleTcpServer> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  let stopped: Promise<void> | undefined;
  const stop = () =>
    (stopped ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }));
  return { port: (server.address() as AddressInfo).port, stop, [Symbol.asyncDispose]: stop };
}
