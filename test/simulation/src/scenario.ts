import { faults } from "./faults/index.ts";
import { checkApplied } from "./invariants/applied.ts";
import { checkPairs } from "./invariants/change-sets.ts";
import { converge } from "./invariants/convergence.ts";
import { ReplicaRules } from "./invariants/replicas.ts";
import { Installation } from "./model/installation.ts";
import type { Random } from "./world/random.ts";
import { Simulation } from "./world/simulation.ts";

export interface Outcome {
  seed: string;
  violations: string[];
  /** Equal for equal runs. */
  fingerprint: string;
  events: number;
  simulatedMs: number;
  /** From the last fault until all was as it should be. */
  convergedMs: number;
  faults: string[];
  operations: number;
}

/** No run takes longer. */
const limitMs = 3_600_000;

/** One run, all of which the seed decides. `root` is an empty folder. */
export async function runSeed(seed: string, root: string, onTrace?: (line: string) => void): Promise<Outcome> {
  const simulation = new Simulation(seed, root);
  const { world } = simulation;
  world.onTrace = onTrace;
  const drawn = world.random.fork("scenario");
  const zones = drawn.chance(0.3) ? ["east", "west"] : ["east"];
  const shape = { zones, syncServices: drawn.chance(0.4) ? 2 : 1, xdsServers: drawn.chance(0.4) ? 2 : 1 };
  const meshes = drawn.chance(0.3) ? ["alpha", "beta"] : ["alpha"];
  const installation = new Installation(simulation, shape, meshes);
  installation.cluster.onLog = ({ name }, { level, msg, err }) => {
    const reason = (err as { message?: string } | undefined)?.message ?? "";
    world.trace(`${name} logs ${String(level)} ${String(msg)} ${reason}`);
  };
  const rules = new ReplicaRules(installation);
  const struck: string[] = [];
  const outcome = { done: false, convergedMs: 0 };

  const run = async (): Promise<void> => {
    await installation.setUp(drawn.chance(0.3) ? 2 : 1);
    await world.sleep(15_000);
    const untilMs = world.now + drawn.between(60_000, 300_000);
    const working = work(installation, drawn.fork("work"), untilMs);
    const failing = fail(installation, drawn.fork("faults"), untilMs, struck);
    const watching = watch(installation, rules, untilMs);
    await Promise.all([working, failing, watching]);
    world.trace("everything is healed");
    installation.heal();
    outcome.convergedMs = await converge(installation, rules);
    outcome.done = true;
  };
  world.as(installation.operator.process, () => {
    run().catch((error: unknown) => world.violated(`the scenario itself failed: ${(error as Error).stack}`));
  });
  await world.run(() => outcome.done, limitMs);
  for (const service of installation.cluster.services) installation.cluster.kill(service);
  return {
    seed,
    violations: world.violations,
    fingerprint: world.fingerprint(),
    events: world.events,
    simulatedMs: world.now,
    convergedMs: outcome.convergedMs,
    faults: struck,
    operations: installation.operator.operations.length,
  };
}

async function work({ operator, simulation: { world } }: Installation, random: Random, untilMs: number): Promise<void> {
  const pauseMs = random.pick([200, 1_000, 4_000]);
  while (world.now < untilMs) {
    await world.sleep(random.between(0, 2 * pauseMs));
    await operator.work();
  }
}

async function fail(installation: Installation, random: Random, untilMs: number, struck: string[]): Promise<void> {
  const { world } = installation.simulation;
  const pauseMs = random.pick([3_000, 10_000, 30_000]);
  const known = faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
  const open: Promise<void>[] = [];
  while (world.now < untilMs) {
    await world.sleep(random.between(0, 2 * pauseMs));
    const fault = random.pick(known);
    struck.push(fault.name);
    open.push(fault.strike(installation, random.fork(fault.name)));
  }
  // What lasts longer than this is ended by `heal`.
  await Promise.race([Promise.all(open), world.sleep(5_000)]);
}

async function watch(installation: Installation, rules: ReplicaRules, untilMs: number): Promise<void> {
  const { world } = installation.simulation;
  while (world.now < untilMs) {
    await world.sleep(3_000);
    await rules.check();
    await checkPairs(installation);
    await checkApplied(installation);
  }
}
