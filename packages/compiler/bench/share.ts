/**
 * What it costs that some of a zone's proxies have more than the others: CPU of the change and of an instance that fails or recovers, and the
 * heap, without a roll-out and while one has come to a share of the proxies.
 *
 *   node --expose-gc --conditions=@atoll/source packages/compiler/bench/share.ts [sidecars, default 1000]
 */
import { valueDigest } from "@atoll/replica";
import { parseDocument, type Resource, type RolloutSpec } from "@atoll/resource";
import { BenchWorld } from "./bench-world.ts";
import { sidecar, timeout } from "./meshes.ts";

const count = Number(process.argv[2] ?? 1000);
const services = Math.max(1, Math.floor(count / 20));
const dataplanes = Array.from({ length: count }, (_, index) => sidecar(index, services, 5));
const world = await BenchWorld.open();
world.config.put(timeout(5));
world.zone.put(...dataplanes);
await world.connect(Array.from({ length: count }, (_, index) => `app-${index}`));

const slower = parseDocument(timeout(9));
if (!slower.ok) throw new Error(JSON.stringify(slower));
const { resource } = slower;
const base = { [`Timeout/default/${resource.name}`]: valueDigest(world.config.get("Timeout", "default", resource.name) as Resource) };
const rollout = (share: number, state: RolloutSpec["state"]): RolloutSpec => ({
  ...{ author: "", changes: [{ op: "put", resource }], base, stages: [{ zones: ["zone-1"], share }], onFailure: "hold" },
  ...{ state, stage: 0, since: "", known: [], steps: [] },
});
const decide = (share: number, state: RolloutSpec["state"]) =>
  world.config.putDrafts({ type: "Rollout", mesh: "", name: "r", spec: rollout(share, state) });

const heapMB = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1e6;
};
async function instance(): Promise<number> {
  const { ms } = await world.measure((turn) => {
    const changed = structuredClone(dataplanes[7]!) as { networking: { inbound: { state?: string }[] } };
    if (turn % 2 === 0) changed.networking.inbound[0]!.state = "NotReady";
    world.zone.put(changed as never);
  });
  return ms;
}

const rows: Record<string, Record<string, string>> = {};
const row = async (name: string, changeMs: number | undefined, built: number) => {
  const [heap, ms] = [heapMB(), await instance()];
  rows[name] = {
    "CPU of it, ms": changeMs === undefined ? "" : changeMs.toFixed(0),
    built: String(built),
    "heap, MB": heap.toFixed(1),
    "an instance, ms": ms.toFixed(2),
  };
};
await row("no roll-out", undefined, 0);
for (const [name, share, state] of [
  ["10%", 10, "running"],
  ["50%", 50, "running"],
  ["all", 100, "running"],
  ["aborted", 100, "aborted"],
] as const) {
  const { ms, round } = await world.once(() => decide(share, state));
  await row(name, ms, round.built);
}
console.table(rows);
world.close();
