import type { ResourceKey } from "@atoll/resource";
import type { Call } from "./call.ts";
import type { Condition } from "./config-writer.ts";
import { badRequest } from "./problem.ts";

/** `If-Match: "<revision>"` or `*`, and `If-None-Match: *`: https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests */
export function readConditions(call: Call, key: ResourceKey): Condition[] {
  const conditions: Condition[] = [];
  const match = call.headers["if-match"];
  if (match !== undefined) conditions.push({ key, revision: match.trim() === "*" ? "any" : readRevision(match, "If-Match") });
  const noneMatch = call.headers["if-none-match"];
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== "*") throw badRequest('header If-None-Match: only "*" is supported');
    conditions.push({ key, revision: null });
  }
  return conditions;
}

export function readRevision(text: string, name: string): number {
  const revision = /^\s*(?:W\/)?"?(\d{1,15})"?\s*$/.exec(text)?.[1];
  if (revision === undefined) throw badRequest(`${name}: must be a revision, such as "42"`);
  return Number(revision);
}
