import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mutations } from "./mutations.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Runs seeds on the product with each of the bugs in it until one breaks a rule. Says which found it; 1 = not all were found. */
export function checkMutations(from: string, seeds: string): number {
  let missed = 0;
  for (const { name } of mutations) {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        ...["--conditions=@atoll/source", "--disable-warning=ExperimentalWarning", "--import", file("loader.ts"), file("main.ts")],
        ...["--from", from, "--seeds", seeds, "--stop-at-first"],
      ],
      { encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, ATOLL_MUTATION: name } },
    );
    const found = /^seed (\d+) \([^)]*\): (.*)$/m.exec(stdout);
    if (found)
      console.log(`| ${name} | ${Number(found[1]) - Number(from) + 1} | ${found[2]!.replace(/^at [\d.]+ s: /, "").slice(0, 140)} |`);
    else {
      missed += 1;
      console.log(`| ${name} | not within ${seeds} | ${stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? ""} |`);
    }
  }
  return missed === 0 ? 0 : 1;
}
