import type { Installation } from "../model/installation.ts";
import { checkHistory, type Ledger, milliseconds } from "./history.ts";
import { peek, type TimeoutList } from "./peek.ts";
import type { ReplicaRules } from "./replicas.ts";

/** After the last fault everything is as it should be by then. */
export const convergenceMs = 120_000;

/** What is not as it should be yet; undefined = nothing. */
export async function difference(installation: Installation, rules: ReplicaRules, ledger: Ledger): Promise<string | undefined> {
  const { cluster, envoys, operator } = installation;
  const down = cluster.services.find(({ ready }) => !ready);
  if (down) return `${down.name} does not serve`;
  await rules.check();
  const head = rules.latest.get("global")?.revision ?? -1;
  for (const { name } of cluster.services) {
    const at = rules.latest.get(name)?.revision;
    if (at !== head) return `${name} is at revision ${at}, global at ${head}`;
  }
  const misfit = await contents(installation, ledger);
  if (misfit) return misfit;
  for (const { spec, servedSinceMs, connectTimeouts, endpoints, lastEnd } of envoys.map((envoy) => ({
    spec: envoy.spec,
    servedSinceMs: envoy.servedSinceMs,
    connectTimeouts: envoy.connectTimeoutsMs(),
    endpoints: (service: string) => envoy.endpoints(service),
    lastEnd: envoy.lastEnd,
  }))) {
    if (servedSinceMs === undefined) return `${spec.name} is not served: ${lastEnd}`;
    const wanted = ledger.get(`Timeout/${spec.mesh}/reached`)?.connectMs ?? 5_000;
    if (connectTimeouts.length !== spec.calls.length || connectTimeouts.some((has) => has !== wanted))
      return `${spec.name} has connect timeouts of ${connectTimeouts.join(", ")} ms, not ${wanted}`;
    for (const service of spec.calls) {
      const live = envoys.filter(
        (other) => other.spec.zone === spec.zone && other.spec.mesh === spec.mesh && other.spec.service === service,
      );
      const should = live.map((other) => other.spec.address).sort();
      const are = endpoints(service);
      if (are.join() !== should.join())
        return `${spec.name} has endpoints ${are.join(", ") || "none"} of ${service}, not ${should.join(", ")}`;
    }
  }
  const { text } = await operator.insist("GET", `/revisions/${head}/status`);
  if (!(JSON.parse(text) as { done: boolean }).done) return `revision ${head} is not said to be applied: ${text}`;
  return undefined;
}

/** Whether global and every sync service have what the log says, no more and no less. */
async function contents({ cluster, operator, simulation }: Installation, ledger: Ledger): Promise<string | undefined> {
  for (const service of [...cluster.of("global"), ...cluster.of("zone")]) {
    for (const mesh of operator.meshes) {
      const list = (await peek(simulation, service, 5681, `/meshes/${mesh}/timeouts?size=1000`)) as TimeoutList | undefined;
      const has = list?.items.map(({ name, conf }) => `${ownName(name)} ${milliseconds(conf.connectTimeout)}`).sort();
      const prefix = `Timeout/${mesh}/`;
      const should = [...ledger].flatMap(([key, { connectMs }]) =>
        key.startsWith(prefix) ? [`${key.slice(prefix.length)} ${connectMs}`] : [],
      );
      if (has?.join() !== should.sort().join()) return `${service.name} has ${has?.join(", ")} in ${mesh}, the log ${should.join(", ")}`;
    }
  }
  return undefined;
}

/** In a zone, what is global's has a hash behind its name. */
const ownName = (name: string): string => /^(reached|pair-[ab]|extra-\d)/.exec(name)?.[0] ?? name;

/** Waits until nothing differs; a rule is broken if that takes too long. */
export async function converge(installation: Installation, rules: ReplicaRules): Promise<number> {
  const { world } = installation.simulation;
  const beganMs = world.now;
  const ledger = await checkHistory(installation);
  for (;;) {
    const differs = await difference(installation, rules, ledger);
    if (differs === undefined) return world.now - beganMs;
    if (world.now - beganMs > convergenceMs) {
      for (const service of installation.cluster.of("xds"))
        world.trace(`streams of ${service.name}: ${JSON.stringify(await peek(installation.simulation, service, 5680, "/debug/streams"))}`);
      for (const service of installation.cluster.of("zone"))
        world.trace(`mirrors of ${service.name}: ${JSON.stringify(await peek(installation.simulation, service, 5680, "/debug/sync"))}`);
      world.violated(`${convergenceMs / 1000} s after the last fault, ${differs}`);
      return world.now - beganMs;
    }
    await world.sleep(500);
  }
}
