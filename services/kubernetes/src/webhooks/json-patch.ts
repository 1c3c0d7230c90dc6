import { isDeepStrictEqual } from "node:util";
import type { PatchOperation } from "@atoll/kubernetes-client";

/** The operations of RFC 6902 that make `to` of `from`: as deep as objects go; lists are replaced whole. */
export function jsonPatch(from: unknown, to: unknown, path: string = ""): PatchOperation[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isMap(from) || !isMap(to)) return [{ op: "replace", path, value: to }];
  const operations: PatchOperation[] = [];
  for (const key of Object.keys(from)) if (to[key] === undefined) operations.push({ op: "remove", path: `${path}/${escaped(key)}` });
  for (const [key, value] of Object.entries(to)) {
    if (value === undefined) continue;
    const below = `${path}/${escaped(key)}`;
    if (from[key] === undefined) operations.push({ op: "add", path: below, value });
    else operations.push(...jsonPatch(from[key], value, below));
  }
  return operations;
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");
