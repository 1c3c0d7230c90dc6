import { expect, test } from "vitest";
import { spread } from "./percentiles.ts";

test("percentiles are measured values, by nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(spread(values)).toEqual({ p50: 100, p90: 180, p99: 198, max: 200, count: 200 });
  expect(spread([7])).toEqual({ p50: 7, p90: 7, p99: 7, max: 7, count: 1 });
  expect(spread([]).p50).toBeNaN();
});
