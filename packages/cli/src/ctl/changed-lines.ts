import { diffLines } from "diff";
import { renderYaml } from "./yaml-output.ts";

export const signs = { created: "+", updated: "~", deleted: "-" } as const;

/** The lines of their YAML that went and came, each with its sign; all of them where there is nothing on the other side. */
export function changedLines(before: unknown, after: unknown): string[] {
  const text = (value: unknown) => (value === undefined ? "" : renderYaml(value as object));
  return diffLines(text(before), text(after)).flatMap(({ added, removed, value }) => {
    if (!added && !removed) return [];
    const sign = added ? "+" : "-";
    return value
      .trimEnd()
      .split("\n")
      .map((line) => `${sign} ${line}`);
  });
}
