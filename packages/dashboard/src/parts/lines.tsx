import { diffLines } from "diff";
import { stringify } from "yaml";

const text = (value: unknown): string => (value === undefined ? "" : typeof value === "string" ? value : stringify(value));

const mostUnchanged = 3;

/** Two values as YAML: the lines that went and came, with what stands around them. */
export function Lines({ before, after }: { before?: unknown; after?: unknown }) {
  const parts = diffLines(text(before), text(after));
  return (
    <pre class="lines" tabIndex={0}>
      {parts.flatMap(({ added, removed, value }, part) => {
        const lines = value.replace(/\n$/, "").split("\n");
        const sign = added ? "+" : removed ? "-" : " ";
        const shown = added || removed ? lines : around(lines, part === 0, part === parts.length - 1);
        return shown.map((line, index) => (
          <span key={`${part}-${index}`} class={added ? "came" : removed ? "went" : ""}>
            {`${sign} ${line}\n`}
          </span>
        ));
      })}
    </pre>
  );
}

/** Of unchanged lines those next to changed ones. */
function around(lines: readonly string[], isFirst: boolean, isLast: boolean): readonly string[] {
  if (isFirst && isLast) return lines;
  const before = isFirst ? [] : lines.slice(0, mostUnchanged);
  const after = isLast ? [] : lines.slice(-mostUnchanged);
  return lines.length <= mostUnchanged * 2 ? lines : [...before, "…", ...after];
}
