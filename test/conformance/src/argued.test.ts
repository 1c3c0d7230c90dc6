import { expect, test } from "vitest";
import { arguedBy, arguedDifferences } from "./argued.ts";

test("a difference is argued for a scenario by its number or its whole name, and for no other", () => {
  const argued = arguedBy('"51": the first\n60-outbound-version: the second\n');
  expect(["51-fault-abort", "5-else", "511-else", "60-outbound-version", "60-other"].map(argued)).toEqual([
    "the first",
    undefined,
    undefined,
    "the second",
    undefined,
  ]);
});

test("an entry without a reason is refused, and ours all have one", () => {
  expect(() => arguedBy('"51": ""')).toThrow("argued.yaml: 51 has no reason");
  expect(arguedDifferences()("51-fault-abort")).toContain("fault injections");
});
