import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { pastFailures } from "./past-failures.ts";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The simulation puts its machine below the services before they are loaded: in a process of its own. */
function simulate(...args: string[]): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=@atoll/source", "--disable-warning=ExperimentalWarning", "--import", file("loader.ts"), file("main.ts"), ...args],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  return stdout + stderr;
}

test("seeds that failed once pass", { timeout: 120_000 }, () => {
  const seeds = pastFailures.flatMap(({ seed }) => ["--seed", seed]);
  expect(simulate(...seeds)).toMatch(/^\d+ seeds passed, 0 failed/m);
});

test("a seed decides everything: the same one gives the same run", { timeout: 120_000 }, () => {
  expect(simulate("--seeds", "1", "--twice")).toMatch(/^1 seeds passed, 0 failed/m);
});

test("no rule is broken by the same twenty seeds", { timeout: 400_000 }, () => {
  // Not by fresh ones yet: a few in a hundred show what is open (docs/simulation.md). Whoever runs some tests alone does not want to wait.
  const seeds = process.env["ATOLL_TEST_ALL"] === "1" ? "20" : "5";
  expect(simulate("--from", "1", "--seeds", seeds)).toMatch(/^\d+ seeds passed, 0 failed/m);
});
