/** `node:http` of a simulated process: what the services call over it, in the simulated network. */
import { EventEmitter } from "node:events";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

export { maxHeaderSize, STATUS_CODES } from "node:http";

/** The server for bootstraps beside an xDS server's gRPC: simulated Envoys have theirs. */
export const createServer = () => ({ emit: () => undefined, closeAllConnections: () => undefined });

interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export function request(url: URL, options: RequestOptions): EventEmitter {
  const call = new EventEmitter() as EventEmitter & { end(body?: string): EventEmitter; destroy(): void };
  call.destroy = () => undefined;
  call.end = (payload) => {
    const { method = "GET", headers = {} } = options;
    const port = url.port || "80";
    currentSimulation()
      .network.request(currentProcess()!, `${url.hostname}:${port}`, { method, url: url.pathname + url.search, headers, payload }, 10_000)
      .then(
        ({ status, text }) =>
          call.emit("response", Object.assign(new EventEmitter(), { statusCode: status, toArray: async () => [Buffer.from(text)] })),
        (error: unknown) => call.emit("error", error),
      );
    return call;
  };
  return call;
}
