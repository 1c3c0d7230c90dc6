import { expect, test } from "vitest";
import { jsonPatch, type PatchItem } from "./json-patch.ts";

const cases: [string, unknown, unknown][] = [
  ["nothing", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }],
  ["a value within", { a: { b: "1s", c: 1 } }, { a: { b: "2s", c: 1 } }],
  ["fields that come and go, and names with slashes", { "t/A": { x: 1 } }, { "t/A": { "y~": 2 }, "t/B": {} }],
  ["an object within a list", { l: [{ n: 1 }, { n: 2, m: 3 }] }, { l: [{ n: 1 }, { n: 2, m: 4 }] }],
  ["elements before and behind", ["b"], ["a", "b", "c", "d"]],
  ["elements that go", ["a", "b", "c", "d"], ["c"]],
  ["a filter put in front of another", { f: [{ n: "router" }] }, { f: [{ n: "fault" }, { n: "router" }] }],
  ["other kinds", { a: [1], b: { c: 1 }, d: [{ x: 1 }, [2]] }, { a: { z: 1 }, b: "c", d: [[2], "x"] }],
  ["values between", [1, { a: 1 }, 2, 3, { b: 1 }], [1, { a: 2 }, 9, 3, "s", { b: 1 }, [0]]],
];

test.each(cases)("%s", (_name, before, after) => {
  const patch = jsonPatch(before, after);
  expect(applied(before, patch)).toEqual(after);
  expect(patch.length === 0).toBe(JSON.stringify(before) === JSON.stringify(after));
});

test("what is another value is tested, removed and added", () => {
  expect(jsonPatch({ "t/L": { l: [{ idle: "1s" }] } }, { "t/L": { l: [{ idle: "2s" }] } })).toEqual([
    { op: "test", path: "/t~1L/l/0/idle", value: "1s" },
    { op: "remove", path: "/t~1L/l/0/idle", value: "1s" },
    { op: "add", path: "/t~1L/l/0/idle", value: "2s" },
  ]);
});

/** RFC 6902, as far as it is used. */
function applied(before: unknown, patch: readonly PatchItem[]): unknown {
  const root = { value: structuredClone(before) };
  for (const { op, path, value } of patch) {
    const names = ["value", ...path.split("/").slice(1)].map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = names.pop()!;
    const parent = names.reduce<never>((node, name) => node[name], root as never) as Record<string, unknown> | unknown[];
    if (op === "test") expect((parent as Record<string, unknown>)[last]).toEqual(value);
    else if (Array.isArray(parent)) parent.splice(Number(last), op === "remove" ? 1 : 0, ...(op === "add" ? [value] : []));
    else if (op === "remove") delete parent[last];
    else parent[last] = value;
  }
  return root.value;
}
