import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("a few turns are free, then one comes every so often; a rest saves as many again", async () => {
  let now = 0;
  const waited: number[] = [];
  const pace = new Pace({ burst: 3, everyMs: 10, clock: () => now, wait: async (ms) => void waited.push(ms) });
  const signal = new AbortController().signal;
  for (let turn = 0; turn < 5; turn++) await pace.turn(signal);
  expect(waited).toEqual([10, 20]);
  now = 20;
  await pace.turn(signal);
  expect(waited).toEqual([10, 20, 10]);
  now = 1_000;
  for (let turn = 0; turn < 3; turn++) await pace.turn(signal);
  expect(waited.length).toBe(3);
  await pace.turn(signal);
  expect(waited[3]).toBe(10);
});
