import { ChannelCredentials, Server, ServerCredentials } from "@grpc/grpc-js";
import type { MirrorLog } from "./event-log.ts";
import { relayChannelOptions } from "./relay-codec.ts";
import { RelayLog } from "./relay-log.ts";
import type { RelayLogOptions } from "./relay-log.ts";
import { addRelayService } from "./relay-service.ts";
import type { RelayOptions } from "./relay-service.ts";

export const openToAll: RelayOptions<string> = {
  authorize: async () => ({ identity: "anyone" }),
  allows: () => true,
  describeIdentity: (identity) => identity,
};

/** A relay over `log` on a free port (or the given one) of the loopback. */
export async function serveRelay(log: MirrorLog, options: RelayOptions<string> = openToAll, port = 0) {
  const server = new Server(relayChannelOptions);
  addRelayService(server, log, options);
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) => (error ? reject(error) : resolve(at))),
  );
  return { port: bound, close: () => server.forceShutdown() };
}

export const relayLogTo = (port: number, options: Partial<RelayLogOptions> = {}): RelayLog =>
  new RelayLog({ address: `127.0.0.1:${port}`, credentials: ChannelCredentials.createInsecure(), ...options });
