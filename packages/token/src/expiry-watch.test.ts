import { beforeEach, expect, test } from "vitest";
import { ExpiryWatch } from "./expiry-watch.ts";
import type { IssuedToken } from "./issued-token.ts";

const hourMs = 3_600_000;
let nowMs: number;
let timers: { atMs: number; run: () => void }[];
let revoked: Set<string>;
let told: string[];
let watch: ExpiryWatch;

beforeEach(() => {
  nowMs = Date.parse("2026-01-01T00:00:00Z");
  [timers, revoked, told] = [[], new Set(), []];
  watch = new ExpiryWatch({
    isRevoked: ({ jti }) => revoked.has(jti),
    clock: () => nowMs,
    later: (ms, run) => {
      const timer = { atMs: nowMs + ms, run };
      timers.push(timer);
      return () => (timers = timers.filter((one) => one !== timer));
    },
    onExpiring: ({ jti }) => told.push(jti),
  });
});

const token = (jti: string, hours: number, more: Partial<IssuedToken> = {}): IssuedToken => ({
  jti,
  kind: "dataplane",
  mesh: "default",
  subject: "web-1",
  kid: "1",
  author: "jane",
  issuedAt: new Date(nowMs).toISOString(),
  expiresAt: new Date(nowMs + hours * hourMs).toISOString(),
  ...more,
});

function pass(hours: number): void {
  const untilMs = nowMs + hours * hourMs;
  for (;;) {
    const [due] = timers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
    if (!due) break;
    nowMs = due.atMs;
    timers = timers.filter((one) => one !== due);
    due.run();
  }
  nowMs = untilMs;
}

const expiring = () => watch.expiring().map(({ jti }) => jti);

test("a token is told of once, in the last fifth of its life, and counts until its end", () => {
  watch.add([token("a", 10)]);
  pass(7.9);
  expect([told, expiring()]).toEqual([[], []]);
  pass(0.2);
  expect([told, expiring()]).toEqual([["a"], ["a"]]);
  pass(1);
  watch.add([token("b", 100, { subject: "web-2" })]);
  expect(told).toEqual(["a"]);
  pass(1);
  expect(expiring()).toEqual([]);
});

test("a token that lives long is told of a week before its end", () => {
  watch.add([token("year", 365 * 24)]);
  pass(357.9 * 24);
  expect(told).toEqual([]);
  pass(0.2 * 24);
  expect(told).toEqual(["year"]);
});

test("who has one that is good for longer is not told of; the same name elsewhere is somebody else", () => {
  watch.add([token("a", 10), token("other-mesh", 10, { mesh: "other" })]);
  pass(5);
  watch.add([token("b", 10)]);
  pass(4);
  expect([told, expiring()]).toEqual([["other-mesh"], ["other-mesh"]]);
  pass(5);
  expect(told).toEqual(["other-mesh", "b"]);
});

test("a revoked one neither counts nor stands for another", () => {
  watch.add([token("a", 10)]);
  watch.add([token("b", 100)]);
  revoked.add("b");
  watch.revocationsChanged();
  pass(9);
  expect([told, expiring()]).toEqual([["a"], ["a"]]);
  revoked.add("a");
  expect(expiring()).toEqual([]);
});

test("one timer at a time, and none after the end", () => {
  watch.add([token("a", 10), token("b", 20, { subject: "web-2" })]);
  expect(timers).toHaveLength(1);
  watch.close();
  expect(timers).toEqual([]);
});
