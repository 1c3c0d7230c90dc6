import type { Fault } from "./fault.ts";

/** A machine reaches nobody, or hears of nobody. */
export const isolate: Fault = {
  name: "isolate",
  weight: 2,
  async strike({ cluster, envoys, simulation: { network, world } }, random) {
    const { name } = random.pick(cluster.services);
    const others = [...cluster.services.map((one) => one.name), ...envoys.map(({ spec }) => spec.name), "operator"];
    const sends = random.chance(0.7);
    const hears = !sends || random.chance(0.6);
    world.trace(`${name} is cut off: ${sends ? "what it sends" : ""} ${hears ? "what it is sent" : ""}`);
    for (const other of others) {
      if (sends) network.block(name, other);
      if (hears) network.block(other, name);
    }
    await world.sleep(random.between(1_000, 60_000));
    for (const other of others) {
      network.unblock(name, other);
      network.unblock(other, name);
    }
    world.trace(`${name} is back`);
  },
};
