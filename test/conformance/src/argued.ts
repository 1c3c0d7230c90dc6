import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** Why Atoll differs on purpose in a scenario (`NN-name`); undefined where it has to be the same. */
export type Argued = (scenario: string) => string | undefined;

/** What argued.yaml says, which names a scenario in full or by its number. */
export function arguedDifferences(): Argued {
  return arguedBy(readFileSync(fileURLToPath(new URL("../argued.yaml", import.meta.url)), "utf8"));
}

/** @throws Error if an entry gives no reason. */
export function arguedBy(text: string): Argued {
  const listed = new Map(
    Object.entries((parse(text) ?? {}) as Record<string, unknown>).map(([scenario, reason]) => {
      if (typeof reason !== "string" || reason.trim() === "") throw new Error(`argued.yaml: ${scenario} has no reason`);
      return [scenario, reason];
    }),
  );
  return (scenario) => listed.get(scenario) ?? listed.get(scenario.split("-")[0]!);
}
