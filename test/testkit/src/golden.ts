import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";

/** Output file endings ("clusters.yaml") to what they must hold; a value that is no string is written as YAML. */
export type GoldenOutputs = Record<string, unknown>;

const inputEnding = ".yaml";

/**
 * Registers one test for each `<folder>/in/<case>.yaml`: what `produce` makes of the parsed document must equal
 * `<folder>/out/<case>.<ending>` for every ending it returns. Run with `--update` to accept what changed; without it a missing
 * output is written, except in CI (environment variable CI), where it fails. A file in `out` that no case makes fails too.
 */
export function golden<Input>(folder: string, produce: (input: Input, name: string) => GoldenOutputs | Promise<GoldenOutputs>): void {
  const inputs = join(folder, "in");
  const outputs = join(folder, "out");
  const names = readdirSync(inputs)
    .filter((file) => file.endsWith(inputEnding))
    .map((file) => file.slice(0, -inputEnding.length))
    .sort();
  const madeBy = new Map<string, Set<string>>();

  describe("golden files", () => {
    test.each(names)("%s", async (name) => {
      const made = await produce(parse(readFileSync(join(inputs, name + inputEnding), "utf8")) as Input, name);
      madeBy.set(name, new Set(Object.keys(made).map((ending) => `${name}.${ending}`)));
      for (const [ending, content] of Object.entries(made)) {
        const text = typeof content === "string" ? content : stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
        await expect(text).toMatchFileSnapshot(join(outputs, `${name}.${ending}`));
      }
    });

    // A case that a test filter left out says nothing about its files, so only those of cases that ran, or of none, are judged.
    afterAll(() => {
      if (!existsSync(outputs)) return;
      const orphans = readdirSync(outputs).filter((file) => {
        const owners = names.filter((name) => file.startsWith(`${name}.`));
        return owners.every((name) => madeBy.has(name) && !madeBy.get(name)!.has(file));
      });
      expect(orphans, "golden outputs that no case makes").toEqual([]);
    });
  });
}

/** What the cases of another golden folder become, parsed: outputs with this ending, by case. */
export function goldenOutputs<Output>(folder: string, ending: string): { name: string; output: Output }[] {
  const files = readdirSync(join(folder, "in")).map((file) => file.slice(0, -inputEnding.length));
  return files
    .toSorted()
    .filter((name) => existsSync(join(folder, "out", `${name}.${ending}`)))
    .map((name) => ({ name, output: parse(readFileSync(join(folder, "out", `${name}.${ending}`), "utf8")) as Output }));
}
