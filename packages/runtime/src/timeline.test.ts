import { expect, test } from "vitest";
import { Timeline } from "./timeline.ts";

test("the first pass of each stage counts, and old revisions make room", () => {
  const timeline = new Timeline(2);
  timeline.mark(1, "folded");
  timeline.mark(2, "folded");
  timeline.mark(2, "built");
  const first = timeline.view()[1]!.stages["built"]!;
  timeline.mark(2, "built");
  timeline.mark(3, "folded");
  expect(timeline.view().map(({ revision, stages }) => [revision, Object.keys(stages)])).toEqual([
    [2, ["folded", "built"]],
    [3, ["folded"]],
  ]);
  expect(timeline.view()[0]!.stages["built"]).toBe(first);
  expect(timeline.view()[0]!.stages["folded"]).toBeLessThanOrEqual(first);
});
