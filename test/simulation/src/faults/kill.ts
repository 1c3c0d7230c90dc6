import type { Fault } from "./fault.ts";

/** A process ends at whatever it awaits, and is started again. */
export const kill: Fault = {
  name: "kill",
  weight: 5,
  async strike({ cluster, simulation: { world } }, random) {
    const service = random.pick(cluster.services);
    service.held = true;
    cluster.kill(service);
    await world.sleep(random.chance(0.5) ? random.between(1, 500) : random.between(500, 40_000));
    if (!service.held) return;
    service.held = false;
    if (service.process?.dead !== false) cluster.start(service);
  },
};
