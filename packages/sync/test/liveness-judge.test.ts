import { beforeEach, expect, test } from "vitest";
import { LivenessJudge } from "../src/index.ts";
import { ManualTime } from "./manual-time.ts";

let time: ManualTime;
let verdicts: string[][];
let judge: LivenessJudge;

beforeEach(() => {
  time = new ManualTime();
  verdicts = [];
  judge = new LivenessJudge({
    graceMs: 100,
    clock: time.clock,
    schedule: time.schedule,
    onVerdict: (dead) => verdicts.push([...dead]),
  });
});

test("a zone is dead when its heartbeat is late, and live again with the next one", () => {
  judge.connected(true);
  judge.hear("west");
  time.advance(99);
  expect(verdicts).toEqual([]);
  time.advance(1);
  expect(verdicts).toEqual([["west"]]);
  judge.hear("west");
  expect(verdicts).toEqual([["west"], []]);
});

test("each zone is judged by its own last heartbeat, with one timer", () => {
  judge.connected(true);
  judge.hear("a");
  time.advance(50);
  judge.hear("b");
  expect(time.pending).toBe(1);
  time.advance(50);
  expect(verdicts).toEqual([["a"]]);
  judge.hear("b");
  time.advance(60);
  expect(verdicts).toEqual([["a"]]);
  time.advance(40);
  expect(verdicts).toEqual([["a"], ["a", "b"]]);
  expect(time.pending).toBe(0);
});

test("cut off from upstream, nobody is judged; back again, everybody has the whole grace time", () => {
  judge.connected(true);
  judge.hear("west");
  time.advance(100);
  judge.connected(false);
  expect(verdicts).toEqual([["west"], []]);
  time.advance(10_000);
  judge.connected(true);
  time.advance(99);
  expect(verdicts).toHaveLength(2);
  time.advance(1);
  expect(verdicts.at(-1)).toEqual(["west"]);
});

test("a zone that is forgotten is no longer dead", () => {
  judge.connected(true);
  judge.hear("west");
  time.advance(100);
  judge.forget("west");
  expect(verdicts).toEqual([["west"], []]);
  judge.close();
  expect(time.pending).toBe(0);
});
