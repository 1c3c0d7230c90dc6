import type { Proxies } from "@atoll/api";
import { isInShare, type ConfigReplica, type ZoneReplicaSet } from "@atoll/replica";
import { nodeIdOf, rolloutType, zonePinType, type RolloutSpec } from "@atoll/resource";
import { countsOf, RolloutDriver, type CountRequests, type ProxyCounts } from "@atoll/rollout";
import { Counter, Gauge, gaugesOf, type Diagnostics, type Logger } from "@atoll/runtime";
import { runLater } from "./run-later.ts";

/** Proxies of a zone that are asked for their counters, at most: the first by their place in the roll-out, which nobody chooses. */
const mostAsked = 50;

export interface RolloutsOptions {
  config: ConfigReplica;
  zones: ZoneReplicaSet;
  proxies: Proxies;
  newId: () => string;
  diagnostics: Diagnostics;
  log: Logger;
}

/** Takes roll-outs from stage to stage, as every instance of global does, and tells of them in the log and as metrics. */
export function openRollouts({ config, zones, proxies, newId, diagnostics, log }: RolloutsOptions): RolloutDriver {
  const registers = [diagnostics.registry];
  const steps = new Counter({
    name: "atoll_rollout_steps_total",
    help: "Steps of roll-outs that this process made by itself, by what they led to",
    labelNames: ["state"],
    registers,
  });
  for (const state of ["running", "held", "done", "aborted", "rolledBack"]) steps.inc({ state }, 0);
  new Gauge({
    name: "atoll_rollouts",
    help: "Roll-outs under way",
    labelNames: ["state"],
    registers,
    collect() {
      const rollouts = config.list<RolloutSpec>(rolloutType);
      for (const state of ["running", "held"]) this.set({ state }, rollouts.filter(({ spec }) => spec.state === state).length);
    },
  });
  gaugesOf(diagnostics.registry)("atoll_zones_pinned", "Zones that stay at a revision", () => config.list(zonePinType).length);
  return new RolloutDriver({
    config,
    fleet: {
      applied: () => appliedOf(zones, proxies),
      faults: () => proxies.withheld?.() ?? {},
      watch: (listener) => proxies.watchApplied(listener),
    },
    count: countThrough(zones, proxies),
    clock: Date.now,
    later: runLater,
    newId,
    onStep: (step) => {
      steps.inc({ state: step.state });
      log[step.state === "held" || step.state === "rolledBack" || step.state === "aborted" ? "warn" : "info"](
        step,
        "a roll-out made a step",
      );
    },
    onError: (error) => log.warn({ err: error }, "a roll-out cannot be taken further now"),
  });
}

/** With how many proxies there are by each zone's log, connected or not. */
const appliedOf = (zones: ZoneReplicaSet, proxies: Proxies) =>
  Object.fromEntries(
    Object.entries(proxies.appliedRevisions()).map(([zone, applied]) => {
      const reader = zones.reader(zone);
      const registered = ["Dataplane", "ZoneIngress", "ZoneEgress"].reduce((sum, type) => sum + (reader?.list(type).length ?? 0), 0);
      return [zone, { ...applied, registered }];
    }),
  );

/** Asks the Envoys of dataplanes that a stage has come to. Who does not answer is left out, and counted when it does. */
function countThrough(zones: ZoneReplicaSet, proxies: Proxies): CountRequests {
  return async ({ zones: names, share = 100 }, rollout, clusters) => {
    const counted = new Map<string, ProxyCounts>();
    const asked = names.flatMap((zone) =>
      (zones.reader(zone)?.list("Dataplane") ?? [])
        .filter(({ mesh, name }) => isInShare(rollout, share, nodeIdOf({ proxyType: "dataplane", mesh, name })))
        .slice(0, mostAsked)
        .map(({ mesh, name }) => ({ type: "Dataplane" as const, zone, mesh, name })),
    );
    await Promise.all(
      asked.map(async (proxy) => {
        try {
          const stats = await proxies.inspect(proxy, { subject: "stats", format: "text" });
          const counts = countsOf(typeof stats === "string" ? stats : Buffer.from(stats).toString(), clusters);
          if (Object.keys(counts).length > 0) counted.set(`${proxy.zone}/${proxy.mesh}/${proxy.name}`, counts);
        } catch {
          // It may be starting, or gone.
        }
      }),
    );
    return counted;
  };
}
