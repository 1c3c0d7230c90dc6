import { afterAll, beforeAll, expect, test } from "vitest";
import { readStages } from "../src/ctl/rollout-flags.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  for (const name of ["east", "west"]) expect((await plane.ctlWith(`type: Zone\nname: ${name}\n`, "apply", "-f", "-")).code).toBe(0);
});
afterAll(() => plane.close());

const timeout = (seconds: number, name = "slow") => `type: Timeout
mesh: default
name: ${name}
sources: [{match: {kuma.io/service: a}}]
destinations: [{match: {kuma.io/service: b}}]
conf: {connectTimeout: ${seconds}s}
`;
const head = async () => Number((await plane.ctl("revisions")).out.trim().split("\n").at(-1)!.split(" ")[0]);

test("stages as a flag", () => {
  expect(readStages({ stages: "east:20%,east,west+north:7.5" })).toEqual([
    { zones: ["east"], share: 20 },
    { zones: ["east"] },
    { zones: ["west", "north"], share: 7.5 },
  ]);
  const gate = { minTime: "30s", errors: [{ cluster: "web", maxPercent: 1 }] };
  expect(readStages({ stages: "east", minTime: "30s", maxErrors: ["web=1%"] })).toEqual([{ zones: ["east"], gate }]);
  for (const stages of ["", "east,", "east:x", "east:1:2", "+east"])
    expect(() => readStages({ stages })).toThrow("is not zone[+zone...][:share%]");
  expect(() => readStages({ stages: "east", minTime: "soon" })).toThrow('"--min-time" flag');
  expect(() => readStages({ stages: "east", maxErrors: ["web"] })).toThrow("is not cluster=percent");
});

test("from apply to done: begun, shown, held, continued, waited for", async () => {
  const begun = await plane.ctlWith(
    timeout(1),
    ...["apply", "-f", "-", "--stages", "east,west", "--min-time", "10m", "--rollout", "slow", "--reason", "ticket 7"],
  );
  expect(begun).toEqual({ code: 0, err: "", out: `roll-out slow: stage 1 of 2, revision ${await head()}\n` });
  const shown = (await plane.ctl("rollout", "status", "slow")).out;
  expect(shown).toMatch(/^roll-out slow: stage 1 of 2, revision \d+, by mesh-system:admin \(ticket 7\)\nwaits for its time: until /);
  expect(shown).toMatch(/\n1 +east +all +all acknowledge, 10m0s at least +running\n/);
  expect((await plane.ctl("rollout", "hold", "slow")).out).toMatch(/^roll-out slow: held at stage 1 of 2, revision/);
  const held = await plane.ctl("rollout", "wait", "slow");
  expect(held).toMatchObject({ code: 1, err: "Error: roll-out slow is held at stage 1 of 2: by hand\n" });
  expect((await plane.ctl("rollout", "continue", "slow")).out).toMatch(/^roll-out slow: stage 2 of 2/);
  expect((await plane.ctl("rollout", "wait", "slow", "--timeout", "50ms")).err).toBe("Error: roll-out slow is under way after 50ms\n");
  const waiting = plane.ctl("rollout", "wait", "slow");
  expect((await plane.ctl("rollout", "continue", "slow", "--reason", "fine")).out).toMatch(/^roll-out slow: done/);
  expect(await waiting).toMatchObject({ code: 0, err: "" });
  expect((await plane.ctl("rollout", "list")).out).toMatch(/\nslow +done +done +\S+ +Timeout\/default\/slow +\n/);
  expect((await plane.ctl("rollout", "abort", "slow")).err).toContain('the roll-out "slow" has ended: done');
  expect((await plane.ctl("rollout", "status", "none")).code).toBe(1);
});

test("a document begins one; what is wrong with it is said by its field, and of documents by their place", async () => {
  const document = (zone: string) =>
    `type: Rollout\nname: doc\nstages: [{zones: [${zone}], gate: {minTime: 10m}}]\nresources:\n- ${timeout(2).replaceAll("\n", "\n  ")}`;
  expect((await plane.ctlWith(document("south"), "rollout", "start", "-f", "-")).err).toContain('there is no zone "south"');
  expect((await plane.ctlWith(document("east"), "rollout", "start", "-f", "-")).out).toMatch(/^roll-out doc: stage 1 of 1/);
  const taken = await plane.ctlWith(timeout(3), "apply", "-f", "-");
  expect(taken.err).toContain('Timeout/default/slow is changed by the roll-out "doc" (stage 1 of 1): continue or abort it first');
  expect((await plane.ctl("rollout", "abort", "doc")).out).toMatch(/^roll-out doc: aborted/);
  const wrong = await plane.ctlWith(timeout(3).replace("sources", "source"), "apply", "-f", "-", "--stages", "east");
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("standard input, document 1, line 1: Timeout default/slow") });
  expect((await plane.ctlWith("- 1", "rollout", "start", "-f", "-")).err).toBe("Error: standard input: must be a document\n");
});

test("a zone is pinned and released", async () => {
  const before = await head();
  expect((await plane.ctl("zone", "pin", "west", "--reason", "fair")).out).toBe(`zone west is pinned at revision ${before}\n`);
  const written = await plane.ctlWith(timeout(9), "apply", "-f", "-", "--show-revision");
  expect(written.err).toBe(`Warning: zone west does not take it: pinned at revision ${before}\n`);
  expect((await plane.ctl("zone", "pins")).out).toMatch(
    new RegExp(`\nwest +${before} +\\S+ +mesh-system:admin +fair +Timeout/default/slow\n`),
  );
  expect((await plane.ctl("zone", "release", "west")).out).toMatch(new RegExp(`^zone west goes on from revision ${before} to \\d+\n$`));
  expect((await plane.ctl("zone", "release", "west")).code).toBe(1);
  expect((await plane.ctl("zone", "pin", "west", "--revision", "x")).err).toBe('Error: "x" is not a revision\n');
});
