import { parseJson as parseText } from "@atoll/resource";

/** The one form every JSON answer has: one space of indent, a newline at the end. */
export const renderJson = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`;

export type ParsedJson = { value: unknown } | { error: string };

const deepest = 500;

/** Parses a request body. Errors are worded as clients of this API know them ("unexpected end of JSON input"). */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const parsed = parseText(bytes);
  if (!parsed.ok) return { error: parsed.parseError };
  // Before anything recursive sees it: the runtime's parser is iterative, what reads its result is not.
  const mayBeTooDeep = openings(bytes) > deepest;
  return mayBeTooDeep && isTooDeep(new TextDecoder().decode(bytes)) ? { error: "exceeded max depth" } : { value: parsed.value };
}

/** As many as there are, in texts or not: what has few of them needs no closer look. */
function openings(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0x7b || byte === 0x5b) count++;
  return count;
}

function isTooDeep(source: string): boolean {
  let depth = 0;
  for (const [token] of source.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "{" || token === "[") {
      if (++depth > deepest) return true;
    } else if (token === "}" || token === "]") depth--;
  }
  return false;
}
