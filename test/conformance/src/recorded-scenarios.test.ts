import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arguedDifferences } from "./argued.ts";
import { readOutcomes } from "./outcomes.ts";
import { scenarioNames } from "./rig-folder.ts";
import { runRecorded } from "./run-recorded.ts";

const folder = fileURLToPath(new URL("../../../../shared/conformance", import.meta.url));
const limitMs = 12 * 60_000;

if (existsSync(join(folder, "rig.py"))) {
  describe("scenarios recorded on the control plane that Atoll is compatible with", () => {
    const workDir = mkdtempSync(join(tmpdir(), "atoll-conformance-"));
    const argued = arguedDifferences();
    let output = "";
    let failure: Error | undefined;

    beforeAll(async () => {
      const limit = AbortSignal.timeout(limitMs);
      try {
        const { logs } = await runRecorded({ folder, rigOptions: [], workDir, signal: limit, onOutput: (text) => (output += text) });
        if (limit.aborted) failure = new Error(`the scenarios took longer than ${limitMs / 60_000} minutes`);
        output += `logs: ${logs.join("  ")}\n`;
      } catch (error) {
        failure = error as Error;
      }
      // The rig ends, and Atoll stops, after the limit.
    }, limitMs + 120_000);

    afterAll(() => {
      const outcomes = [...readOutcomes(output).values()];
      if (failure === undefined && outcomes.every(({ name, same }) => same || argued(name)))
        rmSync(workDir, { recursive: true, force: true });
    });

    test.each(scenarioNames(folder))("%s", (name) => {
      const outcome = readOutcomes(output).get(name);
      if (outcome === undefined)
        expect.fail(`the rig said nothing about it${failure ? `: ${failure.message}` : ""}; its output:\n${output}`);
      if (argued(name)) expect(outcome.same, "it is the same now: remove it from argued.yaml").toBe(false);
      else expect(outcome.same, `${outcome.detail}logs below ${workDir}`).toBe(true);
    });
  });
} else {
  test("a folder that holds no recorded scenarios is refused, and nothing is started for it", async () => {
    using empty = scratchFolder();
    const run = runRecorded({
      folder: empty.path,
      rigOptions: [],
      workDir: join(empty.path, "work"),
      signal: new AbortController().signal,
    });
    await expect(run).rejects.toThrow(`${empty.path} is no folder of recorded scenarios: it has no rig.py`);
    expect(existsSync(join(empty.path, "work"))).toBe(false);
  });
}
