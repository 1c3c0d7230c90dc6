import type { Installation } from "../model/installation.ts";
import { peek } from "./peek.ts";

/** So long a stream has to stand before its Envoy counts. */
const settledMs = 10_000;

interface ZoneInsights {
  items: { name: string; zoneInsight?: { subscriptions?: { disconnectTime?: string }[] } }[];
}

/**
 * Where global says that a write is applied, every Envoy that is served has it, or something newer. Of zones that global is in session with: of
 * others it only knows what they said last, and one that then had no proxies counts as done (docs/simulation.md, open).
 */
export async function checkApplied({ cluster, envoys, operator, simulation }: Installation): Promise<void> {
  const { world } = simulation;
  for (const mesh of operator.meshes) {
    const last = operator.operations.findLast(({ what, outcome }) => what.startsWith(`Timeout/${mesh}/reached`) && outcome !== "refused");
    if (last?.outcome !== "done" || last.revision === undefined) continue;
    const status = (await peek(simulation, cluster.of("global")[0]!, 5681, `/revisions/${last.revision}/status`)) as
      | { done: boolean }
      | undefined;
    if (!status?.done) continue;
    const zones = (await peek(simulation, cluster.of("global")[0]!, 5681, "/zones+insights")) as ZoneInsights | undefined;
    const inSession = new Set(
      zones?.items.flatMap(({ name, zoneInsight }) => (zoneInsight?.subscriptions?.some((one) => !one.disconnectTime) ? [name] : [])),
    );
    const wanted = 1_000 + Number(last.id.slice("op-".length));
    for (const envoy of envoys) {
      if (envoy.spec.mesh !== mesh || !inSession.has(envoy.spec.zone) || !envoy.isLive || world.now - envoy.servedSinceMs! < settledMs)
        continue;
      const has = envoy.connectTimeoutsMs();
      if (has.some((one) => one < wanted && one !== 5_000))
        world.violated(
          `revision ${last.revision} is said to be applied, and ${envoy.spec.name} has connect timeouts of ${has.join(", ")} ms, not ${wanted}`,
        );
    }
  }
}
