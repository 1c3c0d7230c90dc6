/** `npm run simulate -- --seeds N [--seed S] [--trace] [--minutes M] [--from S]`: runs seeds and says what broke. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkMutations } from "./check-mutations.ts";
import { type Outcome, runSeed } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    seed: { type: "string", multiple: true },
    from: { type: "string" },
    minutes: { type: "string" },
    trace: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
    "stop-at-first": { type: "boolean", default: false },
    mutations: { type: "boolean", default: false },
  },
});

if (values.mutations) process.exit(checkMutations(values.from ?? "1", values.seeds));

const stray: string[] = [];
process.on("unhandledRejection", (error) => stray.push(`unhandled rejection: ${(error as Error)?.stack ?? String(error)}`));

/** In memory where that is possible: what is lost is decided here, not by a disk. */
const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "atoll-simulation-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

async function once(seed: string): Promise<Outcome> {
  const folder = mkdtempSync(join(root, "run-"));
  const outcome = await runSeed(seed, folder, values.trace ? (line) => process.stdout.write(`${line}\n`) : undefined);
  rmSync(folder, { recursive: true, force: true });
  outcome.violations.push(...stray.splice(0));
  return outcome;
}

const first = values.from ?? String(Math.floor(Date.now() / 1000) % 1_000_000);
const seeds = values.seed ?? Array.from({ length: Number(values.seeds) }, (_, index) => `${Number(first) + index}`);
const endMs = values.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + 60_000 * Number(values.minutes);
const counts = { passed: 0, failed: 0, simulatedMs: 0, faults: new Map<string, number>(), operations: 0, slowestMs: 0 };
for (const seed of seeds) {
  if (Date.now() > endMs) break;
  const outcome = await once(seed);
  if (values.twice) {
    const again = await once(seed);
    if (again.fingerprint !== outcome.fingerprint)
      outcome.violations.push(`ran otherwise a second time: ${outcome.fingerprint}, then ${again.fingerprint}`);
  }
  counts.simulatedMs += outcome.simulatedMs;
  counts.operations += outcome.operations;
  counts.slowestMs = Math.max(counts.slowestMs, outcome.convergedMs);
  for (const fault of outcome.faults) counts.faults.set(fault, (counts.faults.get(fault) ?? 0) + 1);
  if (outcome.violations.length === 0) {
    counts.passed += 1;
    if (values.seed) console.log(`seed ${seed}: passed, ${outcome.events} events, fingerprint ${outcome.fingerprint}`);
    continue;
  }
  counts.failed += 1;
  console.log(`seed ${seed} (${outcome.fingerprint}, ${outcome.events} events): ${outcome.violations.join("\n  ")}`);
  console.log(`  again: npm run simulate -- --seed ${seed} --trace`);
  if (values["stop-at-first"]) break;
}
const struck = [...counts.faults].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
console.log(
  `${counts.passed} seeds passed, ${counts.failed} failed; from ${seeds[0]}; ${(counts.simulatedMs / 3_600_000).toFixed(2)} simulated hours, ` +
    `${counts.operations} writes; slowest convergence ${(counts.slowestMs / 1000).toFixed(1)} s; faults: ${struck.join(", ")}`,
);
process.exit(counts.failed === 0 ? 0 : 1);
