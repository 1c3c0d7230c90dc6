import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { BuildTurns } from "./build-turns.ts";

/** A clock that only building moves, and what was built when. */
function turnsWith(costs: Readonly<Record<string, number>>) {
  let now = 1_000;
  const built: string[] = [];
  let done = 0;
  const turns = new BuildTurns({
    build: (nodeId) => {
      now += costs[nodeId] ?? 0;
      built.push(nodeId);
      return true;
    },
    onDone: () => done++,
    clock: () => now,
  });
  return { turns, built, pass: (ms: number) => (now += ms), done: () => done };
}

test("what is cheap is built with each change, and what is dear once for those that come while it rests", async () => {
  const { turns, built, pass, done } = turnsWith({ ingress: 20, sidecar: 1 });
  for (let change = 0; change < 30; change++) {
    turns.add("ingress", true);
    turns.add("sidecar", false);
    turns.work();
    await turn();
    pass(1);
  }
  expect(built.filter((one) => one === "sidecar")).toHaveLength(30);
  // It rests for 40 ms after each 20; 30 changes took 60 ms of the clock.
  expect(built.filter((one) => one === "ingress").length).toBeLessThanOrEqual(2);
  expect(turns.waiting).toBe(1);
  pass(40);
  turns.work();
  expect(turns.waiting).toBe(0);
  expect([built.at(-1), done() > 0, turns.isUnderWay]).toEqual(["ingress", true, false]);
  turns.close();
});

test("who rests is built by itself when it has rested", async () => {
  const { turns, built, pass } = turnsWith({ ingress: 6 });
  turns.add("ingress", true);
  turns.work();
  turns.add("ingress", true);
  turns.work();
  expect(built).toHaveLength(1);
  pass(12);
  const { promise, resolve } = Promise.withResolvers<void>();
  const looking = setInterval(() => built.length === 2 && resolve(), 1);
  await promise;
  clearInterval(looking);
  expect(turns.waiting).toBe(0);
});

test("one that is new does not rest for what had its name", () => {
  const { turns, built } = turnsWith({ ingress: 20 });
  turns.add("ingress", true);
  turns.work();
  turns.forget("ingress");
  turns.add("ingress", true);
  turns.work();
  expect(built).toHaveLength(2);
});
