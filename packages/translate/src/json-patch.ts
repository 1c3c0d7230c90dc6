import type { JsonPatch } from "@atoll/view";
import { applyPatch, Pointer } from "rfc6902";

/**
 * A copy of some JSON with patches made (RFC 6902). Beyond the RFC, as authors of MeshProxyPatches know it: an index may count from the
 * end of a list, what an `add` stands in is made if it is missing, and what is not there can be removed. Throws naming the patch.
 */
export function patchJson(json: unknown, patches: readonly JsonPatch[]): unknown {
  const document = structuredClone(json);
  for (const [index, patch] of patches.entries()) {
    const path = fromTheStart(document, patch.path, patch.op === "add");
    const from = patch.from === undefined ? undefined : fromTheStart(document, patch.from, false);
    if (patch.op === "add") makeParents(document, path);
    if (patch.op === "remove" && Pointer.fromJSON(path).get(document) === undefined) continue;
    // A copy of the value: what is added may be changed by a later patch, or be added to another document.
    const [failure] = applyPatch(document, [structuredClone({ ...patch, path, ...(from === undefined ? {} : { from }) }) as never]);
    if (failure) throw new Error(`jsonPatches[${index}]: cannot ${patch.op} ${patch.path}: ${failure.message}`);
  }
  return document;
}

const isList = Array.isArray;
const isIndex = (token: string): boolean => token === "-" || /^\d+$/.test(token);

/** The path with each negative index of a list as one from its start; of what is added -1 is after the last. */
function fromTheStart(document: unknown, path: string, adds: boolean): string {
  const { tokens } = Pointer.fromJSON(path);
  const known: string[] = [];
  let place: unknown = document;
  for (const [depth, token] of tokens.slice(1).entries()) {
    if (token === "__proto__") throw new Error(`${path} is no path of a document`);
    const last = depth === tokens.length - 2;
    const found = isList(place) && /^-\d+$/.test(token) ? String(place.length + (adds && last ? 1 : 0) + Number(token)) : token;
    known.push(found);
    place = (place as Record<string, unknown> | undefined | null)?.[found];
  }
  return new Pointer(["", ...known]).toString();
}

function makeParents(document: unknown, path: string): void {
  const tokens = Pointer.fromJSON(path).tokens.slice(1);
  let place = document as Record<string, unknown>;
  for (const [depth, token] of tokens.slice(0, -1).entries()) {
    if (typeof place !== "object" || place === null) return;
    if (!Object.hasOwn(place, token) && !isList(place)) place[token] = isIndex(tokens[depth + 1]!) ? [] : {};
    place = place[token] as Record<string, unknown>;
  }
}
