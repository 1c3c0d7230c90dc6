import type { Installation } from "../model/installation.ts";
import type { Random } from "../world/random.ts";
import type { Fault } from "./fault.ts";

/** Of one of the services that keep something. */
function someDisk({ cluster, simulation }: Installation, random: Random) {
  const { name } = random.pick(cluster.services.filter(({ kind }) => kind === "global" || kind === "zone"));
  return { name, disk: simulation.disk(simulation.world.host(name)), world: simulation.world };
}

/** A disk is full for a while. */
export const fullDisk: Fault = {
  name: "full disk",
  weight: 2,
  async strike(installation, random) {
    const { name, disk, world } = someDisk(installation, random);
    world.trace(`the disk of ${name} is full`);
    disk.full = true;
    await world.sleep(random.between(100, 20_000));
    disk.full = false;
    world.trace(`the disk of ${name} has room`);
  },
};

/** A disk takes long. */
export const slowDisk: Fault = {
  name: "slow disk",
  weight: 2,
  async strike(installation, random) {
    const { name, disk, world } = someDisk(installation, random);
    disk.slowMs = random.between(50, 2_000);
    world.trace(`the disk of ${name} takes up to ${disk.slowMs.toFixed()} ms`);
    await world.sleep(random.between(1_000, 30_000));
    disk.slowMs = 3;
  },
};
