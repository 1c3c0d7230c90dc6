import { peerAddress } from "@atoll/resource";
import { requestFacts } from "@atoll/caller";
import { fastify, type FastifyReply, type FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import { listenHost } from "./listen-host.ts";
import type { ReaderGate } from "./reader-gate.ts";

export interface DebugServerOptions {
  address: string;
  /** 0 = any free port. */
  port: number;
  registry: Registry;
  /** Who may read metrics and debug views; health is for everybody. */
  gate: ReaderGate;
  /** Metrics are for everybody, too. */
  openMetrics?: boolean;
  /** PEM; absent = plain HTTP. */
  tls?: { cert: string; key: string; minVersion: "TLSv1.2" | "TLSv1.3" };
  onRefused?: (refusal: { status: 401 | 403; reason: string; from: string | undefined; method: string; path: string }) => void;
  /** Why the process is not ready to serve, or null. */
  notReady(): string | null;
  /** Debug views by path below `/debug/`, as JSON. */
  views?: Record<string, () => unknown>;
}

/** `/healthz /readyz /metrics`, Kuma's `/healthy /ready`, and `/debug/*`. */
export async function startDebugServer(options: DebugServerOptions): Promise<{ port: number; close(): Promise<void> }> {
  const { tls, gate, openMetrics = false } = options;
  const app = fastify({ logger: false, https: tls ?? null });
  const letIn = (name: string, open: boolean) => async (request: FastifyRequest, reply: FastifyReply) => {
    const refusal = gate(requestFacts(request.raw), { name, open });
    if (refusal === undefined) return;
    options.onRefused?.({ ...refusal, from: peerAddress(request.socket.remoteAddress), method: request.method, path: request.url });
    return reply.code(refusal.status).type("text/plain").send(`${refusal.reason}\n`);
  };
  const onlyReaders = { onRequest: letIn("debug views", false) };
  for (const path of ["/healthz", "/healthy"]) app.get(path, () => "ok\n");
  for (const path of ["/readyz", "/ready"]) {
    app.get(path, async (_request, reply) => {
      const reason = options.notReady();
      return reply.code(reason === null ? 200 : 503).send(reason === null ? "ready\n" : `${reason}\n`);
    });
  }
  app.get("/metrics", { onRequest: letIn("metrics", openMetrics) }, async (_request, reply) =>
    reply.type(options.registry.contentType).send(await options.registry.metrics()),
  );
  // Looked up when asked: a service adds its views as its parts come up.
  app.get("/debug", onlyReaders, () => Object.keys(options.views ?? {}).map((name) => `/debug/${name}`));
  app.get<{ Params: { name: string } }>("/debug/:name", onlyReaders, async (request, reply) => {
    const views = options.views ?? {};
    const view = Object.hasOwn(views, request.params.name) ? views[request.params.name] : undefined;
    if (view === undefined) return reply.code(404).send(`there is no view "${request.params.name}"\n`);
    return reply.type("application/json").send(JSON.stringify(view(), null, 1) + "\n");
  });
  await app.listen({ host: listenHost(options.address), port: options.port });
  const address = app.server.address();
  return { port: typeof address === "object" && address !== null ? address.port : options.port, close: () => app.close() };
}
