import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { arguedDifferences } from "./argued.ts";
import { readOutcomes } from "./outcomes.ts";
import { rigEntry } from "./rig-folder.ts";
import { runRecorded } from "./run-recorded.ts";

const usage = `Runs recorded scenarios against Atoll: starts it with the zones zone-1 and zone-2, lets the folder's rig.py check them, stops everything.

usage: npm run conformance -- <folder> [--keep] [rig options, such as --only 01,22-30 or --area gateway]

  --keep    leave the folder with logs and state even if nothing differs
  RIG_BIN   folder with other kumactl and kuma-dp than Atoll's own

Below the rig's output stands why a scenario differs on purpose. The exit status is 0 when all others are the same.
`;

const args = process.argv.slice(2);
const [folder, ...rest] = args;
if (folder === undefined || folder.startsWith("-")) {
  console.error(usage);
  process.exit(folder === "--help" || folder === "-h" ? 0 : 2);
}
const keep = rest.includes("--keep");
const ended = new AbortController();
// npm runs scripts in the repository; a relative folder is meant from there or from where npm was called.
const from = process.env["INIT_CWD"] ?? process.cwd();
let status = 1;
let output = "";
try {
  rigEntry(resolve(from, folder));
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ended.abort(new Error(`ended by ${signal}`)));

const workDir = mkdtempSync(join(tmpdir(), "atoll-conformance-"));
const began = performance.now();
try {
  const result = await runRecorded({
    folder: resolve(from, folder),
    rigOptions: rest.filter((option) => option !== "--keep"),
    workDir,
    signal: ended.signal,
    onProgress: (message) => console.log(message),
    onOutput: (text) => {
      output += text;
      process.stdout.write(text);
    },
  });
  status = verdict(result.status);
  console.log(`took ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (keep || (status !== 0 && !ended.signal.aborted)) console.log(`logs: ${result.logs.join("  ")}`);
} catch (error) {
  console.error((error as Error).message);
}
if (!keep && (status === 0 || ended.signal.aborted)) rmSync(workDir, { recursive: true, force: true });
process.exit(status);

/** Says why scenarios differ on purpose. Answers the rig's status, or 0 if it came to its end and nothing else differs. */
function verdict(rigStatus: number | null): number {
  const argued = arguedDifferences();
  const different = [...readOutcomes(output).values()].filter(({ same }) => !same);
  const onPurpose = different.filter(({ name }) => argued(name));
  for (const { name } of onPurpose) console.log(`differs on purpose: ${name}: ${argued(name)}`);
  if (onPurpose.length > 0) console.log(`${different.length} differ, ${onPurpose.length} of them on purpose`);
  const finished = /^\d+ same, \d+ differ$/m.test(output);
  return finished && onPurpose.length > 0 && onPurpose.length === different.length ? 0 : (rigStatus ?? 1);
}
