import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** Scenario -> why Atoll differs there on purpose. */
export function arguedDifferences(): Map<string, string> {
  const listed: unknown = parse(readFileSync(fileURLToPath(new URL("../argued.yaml", import.meta.url)), "utf8")) ?? {};
  return new Map(
    Object.entries(listed as Record<string, unknown>).map(([scenario, reason]) => {
      if (typeof reason !== "string" || reason.trim() === "") throw new Error(`argued.yaml: ${scenario} has no reason`);
      return [scenario, reason];
    }),
  );
}
