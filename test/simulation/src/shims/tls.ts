/** `node:tls` of a simulated process: whoever listens for gRPC is found in the simulated network. */
import { EventEmitter } from "node:events";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";
import { injected } from "./grpc-server.ts";

export { checkServerIdentity, createSecureContext } from "node:tls";

export function createServer(): EventEmitter {
  const process = currentProcess()!;
  let bound = "";
  let port = 0;
  return Object.assign(new EventEmitter(), {
    listen: (wanted: number, _address: string, done: () => void) => {
      port = wanted;
      bound = `${process.host.name}:${port}`;
      currentSimulation().network.grpc.set(bound, { process, server: injected.get(process) });
      currentSimulation().world.schedule(0, done);
    },
    address: () => ({ port }),
    close: (done: () => void) => {
      currentSimulation().network.grpc.delete(bound);
      done();
    },
  });
}
