import type { Resource } from "@atoll/resource";
import type { ChangeSet } from "./change-set.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const encodeJson = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));
export const decodeJson = (bytes: Uint8Array): unknown => JSON.parse(decoder.decode(bytes));

/** Throws with the reason when the bytes are no change set: such a record is a no-op in every process. */
export function decodeChangeSet(bytes: Uint8Array): ChangeSet {
  const value = decodeJson(bytes) as Partial<ChangeSet> | null;
  if (typeof value !== "object" || value === null) throw new Error("change set: not an object");
  if (typeof value.id !== "string" || value.id === "") throw new Error("change set: id must be a non-empty string");
  if (typeof value.at !== "string") throw new Error("change set: at must be an RFC 3339 time");
  if (!Array.isArray(value.changes)) throw new Error("change set: changes must be a list");
  if (!Array.isArray(value.expect)) throw new Error("change set: expect must be a list");
  for (const [i, change] of value.changes.entries()) {
    const key = change?.op === "put" ? change.resource : change?.op === "delete" ? change.key : undefined;
    if (!isKey(key)) throw new Error(`change set: changes[${i}] must put a resource or delete a key`);
  }
  for (const [i, expected] of value.expect.entries()) {
    const { key, revision } = (expected ?? {}) as { key?: unknown; revision?: unknown };
    if (typeof key !== "string") throw new Error(`change set: expect[${i}].key must be a string`);
    if (revision !== null && typeof revision !== "number") throw new Error(`change set: expect[${i}].revision must be a number or null`);
  }
  return value as ChangeSet;
}

/** Throws with the reason when the bytes are no resource. */
export function decodeResource(bytes: Uint8Array): Resource {
  const value = decodeJson(bytes);
  if (!isKey(value)) throw new Error("resource: type, mesh and name must be strings");
  return value as Resource;
}

function isKey(value: unknown): boolean {
  const key = value as Record<string, unknown> | null | undefined;
  return typeof key === "object" && key !== null && [key["type"], key["mesh"], key["name"]].every((part) => typeof part === "string");
}
