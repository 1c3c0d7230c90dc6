import type { Fault } from "./fault.ts";

/** A machine stops: what was written and not synced is lost, or torn. */
export const power: Fault = {
  name: "power",
  weight: 5,
  async strike({ cluster, simulation: { world } }, random) {
    const service = random.pick(cluster.services.filter(({ kind }) => kind === "global" || kind === "zone"));
    service.held = true;
    cluster.losePower(service);
    await world.sleep(random.between(100, 30_000));
    if (!service.held) return;
    service.held = false;
    if (service.process?.dead !== false) cluster.start(service);
  },
};
