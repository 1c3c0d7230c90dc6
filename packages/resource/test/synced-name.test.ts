import { expect, test } from "vitest";
import { homeNameOf, syncedName } from "../src/synced-name.ts";

test.each([
  ["", "foo", [], "foo-zxw6c95d42zfz9cc"],
  ["default", "mesh-timeout-all-default", [], "mesh-timeout-all-default-bv8z44b7bzb99xc7"],
  ["default", "backend", ["zone-2"], "backend-d8466258x75748d7"],
])("the synced name of %s/%s %j is %s", (mesh, name, values, expected) => {
  expect(syncedName(mesh, name, ...values)).toBe(expected);
  expect(homeNameOf(expected)).toBe(name);
});

test("a long name is shortened so that the whole still fits", () => {
  expect(syncedName("m", "a".repeat(253))).toHaveLength(253);
});

test("a name without a suffix has no home name", () => {
  expect(homeNameOf("foo")).toBeUndefined();
});
