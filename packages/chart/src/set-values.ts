import { TemplateError } from "./syntax.ts";
import type { Values } from "./values.ts";

/** Values that `--set a.b=1,c[0]=x` means, laid over `values`. Commas and dots that are no separators have a backslash before them. */
export function setValues(values: Values, text: string): Values {
  const result = structuredClone(values);
  for (const pair of splitOutside(text, ",")) {
    const at = pair.indexOf("=");
    if (at <= 0) throw new TemplateError(`--set ${text}: "${pair}" has to be name=value`);
    assign(result, pathOf(pair.slice(0, at)), valueOf(pair.slice(at + 1)));
  }
  return result;
}

/** `{a,b}` is a list. */
function splitOutside(text: string, separator: string): string[] {
  const parts = text.match(new RegExp(`(?:\\\\.|\\{[^}]*\\}|[^\\\\${separator}])+`, "g"));
  return parts ?? [];
}

const plain = (text: string): string => text.replaceAll(/\\(.)/g, "$1");

function pathOf(name: string): (string | number)[] {
  return splitOutside(name, ".").flatMap((part) => {
    const [, key, indexes] = /^([^[]*)((?:\[\d+\])*)$/.exec(part) ?? [undefined, part, ""];
    return [plain(key!), ...[...indexes!.matchAll(/\d+/g)].map(([index]) => Number(index))];
  });
}

function valueOf(text: string): unknown {
  if (/^\{.*\}$/.test(text)) return splitOutside(text.slice(1, -1), ",").map(valueOf);
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  if (/^(0|-?[1-9]\d*)$/.test(text)) return Number(text);
  return plain(text);
}

function assign(target: Values, [key, ...rest]: (string | number)[], value: unknown): void {
  const inner = target as Record<string | number, unknown>;
  if (rest.length === 0) {
    inner[key!] = value;
    return;
  }
  if (typeof inner[key!] !== "object" || inner[key!] === null) inner[key!] = typeof rest[0] === "number" ? [] : {};
  assign(inner[key!] as Values, rest, value);
}
