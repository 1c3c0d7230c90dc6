import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface BackendAnswer {
  status?: number;
  /** How long to take before answering. */
  delayMs?: number;
  body?: string;
  headers?: Record<string, string>;
}

/**
 * An HTTP application whose behaviour a test changes while it runs. It answers 200 and what it saw, as JSON with its own name,
 * unless `respond` says otherwise.
 */
export class Backend {
  readonly name: string;
  readonly requests: SeenRequest[] = [];
  respond: (seen: SeenRequest, backend: Backend) => BackendAnswer | undefined = () => undefined;
  readonly #server: Server;

  private constructor(name: string) {
    this.name = name;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    // Envoy keeps its connections; closing them under it would look like a failing service.
    this.#server.keepAliveTimeout = 0;
    this.#server.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
      socket.on("error", () => socket.destroy());
      socket.pipe(socket);
    });
  }

  static async start(name: string, port: number): Promise<Backend> {
    const backend = new Backend(name);
    await new Promise<void>((resolve, reject) => {
      backend.#server.once("error", reject);
      backend.#server.listen(port, "127.0.0.1", resolve);
    });
    return backend;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString("utf8");
    const seen: SeenRequest = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: sent };
    this.requests.push(seen);
    const { status = 200, delayMs = 0, body, headers } = this.respond(seen, this) ?? {};
    if (delayMs > 0) await delay(delayMs);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body ?? JSON.stringify({ service: this.name, ...seen }));
  }

  /** How often a path was asked for. */
  seen(path: string): number {
    return this.requests.filter((one) => one.path === path).length;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
