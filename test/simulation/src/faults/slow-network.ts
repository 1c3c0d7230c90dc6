import type { Fault } from "./fault.ts";

/** All messages take long for a while. */
export const slowNetwork: Fault = {
  name: "slow network",
  weight: 1,
  async strike({ simulation: { network, world } }, random) {
    const longMs = random.between(50, 2_000);
    network.latencyMs = [1, longMs];
    world.trace(`messages take up to ${longMs.toFixed()} ms`);
    await world.sleep(random.between(1_000, 20_000));
    network.latencyMs = [0.1, 2];
  },
};
