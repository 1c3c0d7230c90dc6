import type { Fault } from "./fault.ts";

/** A proxy goes, with or without saying so, and comes back without anything. */
export const proxyGone: Fault = {
  name: "proxy gone",
  weight: 4,
  async strike({ envoys, simulation: { world } }, random) {
    const envoy = random.pick(envoys);
    if (!envoy.running) return;
    world.trace(`${envoy.spec.name} goes`);
    envoy.kill();
    await world.sleep(random.between(10, 60_000));
    if (!envoy.running) envoy.start();
  },
};

/** An Envoy takes long to answer. */
export const slowProxy: Fault = {
  name: "slow proxy",
  weight: 2,
  async strike({ envoys, simulation: { world } }, random) {
    const envoy = random.pick(envoys);
    envoy.thinkMs = random.between(100, 10_000);
    await world.sleep(random.between(1_000, 30_000));
    envoy.thinkMs = 5;
  },
};
