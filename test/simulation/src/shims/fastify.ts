/** fastify, whose servers listen in the simulated network. */
import { type FastifyInstance, fastify as real } from "fastify";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

export function fastify(options: Record<string, unknown> = {}): FastifyInstance {
  const { https: _tls, clientErrorHandler: _handler, forceCloseConnections: _close, ...rest } = options;
  const app = real(rest) as unknown as FastifyInstance;
  const process = currentProcess();
  if (!process) return app;
  app.listen = (async ({ port = 0 }: { port?: number }) => {
    await app.ready();
    currentSimulation().network.http.set(`${process.host.name}:${port}`, { process, app });
    app.server.address = () => ({ address: process.host.name, family: "IPv4", port });
    return `http://${process.host.name}:${port}`;
  }) as FastifyInstance["listen"];
  return app;
}
