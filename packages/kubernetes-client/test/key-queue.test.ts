import { expect, test } from "vitest";
import { KeyQueue, type Timers } from "../src/index.ts";

/** Time that passes when the test says so. */
function hand(): Timers & { pass(): void; waiting: { ms: number; callback: () => void }[] } {
  const waiting: { ms: number; callback: () => void }[] = [];
  return {
    waiting,
    now: () => 0,
    random: () => 0,
    after: (ms, callback) => {
      const entry = { ms, callback };
      waiting.push(entry);
      return () => void waiting.splice(waiting.indexOf(entry), waiting.includes(entry) ? 1 : 0);
    },
    pass: () => {
      for (const { callback } of waiting.splice(0)) callback();
    },
  };
}

test("a key is worked on once at a time, and once more for whatever was added meanwhile", async () => {
  const gates: (() => void)[] = [];
  const worked: string[] = [];
  const work = (key: string) => {
    worked.push(key);
    return new Promise<void>((resolve) => gates.push(resolve));
  };
  const queue = new KeyQueue({ work, concurrency: 2, timers: hand(), onError: () => {} });
  for (const key of ["a", "a", "b", "c"]) queue.add(key);
  expect(worked).toEqual([]);
  queue.start();
  expect(worked).toEqual(["a", "b"]);
  queue.add("a");
  queue.add("a");
  gates.shift()!();
  await Promise.resolve();
  await expect.poll(() => worked).toEqual(["a", "b", "c"]);
  for (const gate of gates.splice(0)) gate();
  await expect.poll(() => worked).toEqual(["a", "b", "c", "a"]);
  for (const gate of gates.splice(0)) gate();
  await queue.idle();
  await queue.close();
});

test("a failure comes again later and later; success or a change begins anew", async () => {
  const timers = hand();
  let fails = true;
  const delays: number[] = [];
  const queue = new KeyQueue({
    work: async () => {
      if (fails) throw new Error("not yet");
    },
    concurrency: 1,
    timers,
    onError: (_error, _key, delayMs) => delays.push(delayMs),
  });
  queue.start();
  queue.add("a");
  await queue.idle();
  timers.pass();
  await queue.idle();
  timers.pass();
  await queue.idle();
  expect(delays).toEqual([50, 100, 200]);
  expect(queue.failing).toBe(1);
  fails = false;
  queue.add("a");
  await queue.idle();
  expect([queue.failing, timers.waiting.length]).toEqual([0, 0]);
  await queue.close();
});
