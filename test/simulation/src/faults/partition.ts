import type { Fault } from "./fault.ts";

/** What one machine sends to another one does not arrive, in one direction or both. */
export const partition: Fault = {
  name: "partition",
  weight: 4,
  async strike({ cluster, envoys, simulation: { network, world } }, random) {
    const hosts = [...cluster.services.map(({ name }) => name), ...envoys.map(({ spec }) => spec.name)];
    const one = random.pick(cluster.services).name;
    const other = random.pick(hosts.filter((name) => name !== one));
    world.trace(`${one} does not reach ${other}`);
    network.block(one, other);
    const isBoth = random.chance(0.5);
    if (isBoth) network.block(other, one);
    await world.sleep(random.between(100, 60_000));
    network.unblock(one, other);
    if (isBoth) network.unblock(other, one);
    if (random.chance(0.3)) network.cut(one, other);
    world.trace(`${one} reaches ${other} again`);
  },
};
