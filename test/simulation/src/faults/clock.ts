import type { Fault } from "./fault.ts";

/** The clock of a machine jumps, and is set right later. */
export const clock: Fault = {
  name: "clock",
  weight: 2,
  async strike({ cluster, simulation: { world } }, random) {
    const host = world.host(random.pick(cluster.services).name);
    host.skewMs = random.between(-90_000, 90_000);
    world.trace(`the clock of ${host.name} is ${(host.skewMs / 1000).toFixed()} s ahead`);
    await world.sleep(random.between(1_000, 60_000));
    host.skewMs = 0;
  },
};
