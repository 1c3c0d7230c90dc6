import type { Fault } from "./fault.ts";

/** A disk is full for a while. */
export const fullDisk: Fault = {
  name: "full disk",
  weight: 2,
  async strike({ cluster, simulation }, random) {
    const { name } = random.pick(cluster.services.filter(({ kind }) => kind === "global" || kind === "zone"));
    const disk = simulation.disk(simulation.world.host(name));
    simulation.world.trace(`the disk of ${name} is full`);
    disk.full = true;
    await simulation.world.sleep(random.between(100, 20_000));
    disk.full = false;
    simulation.world.trace(`the disk of ${name} has room`);
  },
};

/** A disk takes long. */
export const slowDisk: Fault = {
  name: "slow disk",
  weight: 2,
  async strike({ cluster, simulation }, random) {
    const { name } = random.pick(cluster.services.filter(({ kind }) => kind === "global" || kind === "zone"));
    const disk = simulation.disk(simulation.world.host(name));
    disk.slowMs = random.between(50, 2_000);
    simulation.world.trace(`the disk of ${name} takes up to ${disk.slowMs.toFixed()} ms`);
    await simulation.world.sleep(random.between(1_000, 30_000));
    disk.slowMs = 3;
  },
};
