import { expect, test } from "vitest";
import type { JsonPatch } from "@atoll/view";
import { patchJson } from "./json-patch.ts";

const listener = { name: "l", filterChains: [{ filters: [{ name: "a" }, { name: "b" }] }] };

test.each<[string, JsonPatch[], unknown]>([
  ["replaces", [{ op: "replace", path: "/name", value: "m" }], { ...listener, name: "m" }],
  [
    "makes what an addition stands in, also lists",
    [
      { op: "add", path: "/common/timeout", value: "1s" },
      { op: "add", path: "/list/-", value: 1 },
    ],
    { ...listener, common: { timeout: "1s" }, list: [1] },
  ],
  [
    "counts from the end of a list",
    [
      { op: "replace", path: "/filterChains/-1/filters/-1/name", value: "z" },
      { op: "add", path: "/filterChains/0/filters/-1", value: { name: "last" } },
    ],
    { ...listener, filterChains: [{ filters: [{ name: "a" }, { name: "z" }, { name: "last" }] }] },
  ],
  ["removes what is not there", [{ op: "remove", path: "/stat/prefix" }], listener],
  [
    "moves and copies",
    [
      { op: "copy", from: "/name", path: "/alias" },
      { op: "move", from: "/alias", path: "/other" },
    ],
    { ...listener, other: "l" },
  ],
  ["reads escaped names", [{ op: "add", path: "/a~1b~0c", value: 1 }], { ...listener, "a/b~c": 1 }],
])("%s", (_, patches, expected) => {
  expect(patchJson(listener, patches)).toEqual(expected);
});

test("leaves what it was given as it is, and shares nothing with its patches", () => {
  const patches: JsonPatch[] = [
    { op: "add", path: "/more", value: { list: [] } },
    { op: "add", path: "/more/list/-", value: 1 },
  ];
  const before = structuredClone([listener, patches]);
  expect(patchJson(listener, patches)).toEqual({ ...listener, more: { list: [1] } });
  expect([listener, patches]).toEqual(before);
});

test.each<[string, JsonPatch[], RegExp]>([
  ["what is not there", [{ op: "replace", path: "/stat_prefix", value: 1 }], /jsonPatches\[0\]: cannot replace \/stat_prefix/],
  ["a place outside of a list", [{ op: "add", path: "/filterChains/7", value: 1 }], /cannot add \/filterChains\/7/],
  ["no pointer", [{ op: "remove", path: "name" }], /Pointer/i],
  ["something that all objects have", [{ op: "add", path: "/__proto__/polluted", value: 1 }], /./],
])("refuses %s", (_, patches, message) => {
  expect(() => patchJson(listener, patches)).toThrow(message);
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});
