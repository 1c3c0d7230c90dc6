import type { Service } from "../model/cluster.ts";
import type { Simulation } from "../world/simulation.ts";

/** Of `GET /meshes/MESH/timeouts`. */
export interface TimeoutList {
  items: { name: string; conf: { connectTimeout: string } }[];
}

/** What a process says when it is asked on its own machine, without a network between. Undefined if it is not there to answer. */
export async function peek(simulation: Simulation, service: Service, port: number, url: string): Promise<unknown> {
  const { process } = service;
  if (!process || process.dead || process.frozen || !service.ready) return undefined;
  const listener = simulation.network.http.get(`${service.name}:${port}`);
  if (!listener) return undefined;
  const answer = await new Promise<{ statusCode: number; body: string }>((resolve, reject) => {
    simulation.world.as(process, () => void listener.app.inject({ method: "GET", url, remoteAddress: "127.0.0.1" }).then(resolve, reject));
  });
  if (answer.statusCode !== 200) throw new Error(`${service.name}${url}: ${answer.statusCode} ${answer.body.slice(0, 200)}`);
  return JSON.parse(answer.body);
}
