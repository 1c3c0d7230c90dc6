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

test("of a change that very many proxies apply, the first are remembered", () => {
  const timeline = new Timeline();
  for (const stage of ["folded", "built"]) timeline.mark(1, stage);
  for (let proxy = 0; proxy < 1_000; proxy++) timeline.mark(1, `applied app-${proxy}`);
  timeline.mark(2, "folded");
  const [first, second] = timeline.view().map(({ stages }) => Object.keys(stages));
  expect(first).toHaveLength(64);
  expect(first!.slice(0, 3)).toEqual(["folded", "built", "applied app-0"]);
  expect(second).toEqual(["folded"]);
});
