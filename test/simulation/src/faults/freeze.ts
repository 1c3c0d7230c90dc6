import type { Fault } from "./fault.ts";

/** A process stands still, as by SIGSTOP, and goes on as if nothing had been. */
export const freeze: Fault = {
  name: "freeze",
  weight: 3,
  async strike({ cluster, envoys, simulation: { world } }, random) {
    const process = random.chance(0.7) ? random.pick(cluster.services).process : random.pick(envoys).process;
    if (!process || process.dead || process.frozen) return;
    world.trace(`${process.host.name} stands still`);
    process.frozen = [];
    await world.sleep(random.between(100, 60_000));
    if (process.dead) return;
    world.thaw(process);
    world.trace(`${process.host.name} goes on`);
  },
};
