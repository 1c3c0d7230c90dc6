import type { Installation } from "../model/installation.ts";
import { peek, type TimeoutList } from "./peek.ts";

/** Of what is written as a pair nobody sees the half. */
export async function checkPairs({ cluster, operator, simulation }: Installation): Promise<void> {
  for (const service of [...cluster.of("global"), ...cluster.of("zone")]) {
    for (const mesh of operator.meshes) {
      let list: TimeoutList | undefined;
      try {
        list = (await peek(simulation, service, 5681, `/meshes/${mesh}/timeouts`)) as TimeoutList | undefined;
      } catch {
        // A zone that is new does not know the mesh.
      }
      if (!list) continue;
      // In a zone, what is global's has a hash behind its name.
      const [a, b] = ["pair-a", "pair-b"].map(
        (name) => list.items.find((item) => item.name === name || item.name.startsWith(`${name}-`))?.conf.connectTimeout,
      );
      if (a !== b) simulation.world.violated(`${service.name} shows half of a change set in ${mesh}: pair-a ${a}, pair-b ${b}`);
    }
  }
}
