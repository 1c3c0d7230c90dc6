import { EmbeddedLog } from "@atoll/event-log";
import { ConfigReplica, inEffectAt, type Change, type ResourceReader } from "@atoll/replica";
import { keyOfChange, keyString, rolloutType, type RolloutSpec, type RolloutStage } from "@atoll/resource";
import { eventually } from "@atoll/testkit/eventually";
import { afterEach, expect, test } from "vitest";
import { countsOf, faultKey, passStep, RolloutDriver, startStep, type Fault, type ProxyCounts, type Step } from "../src/index.ts";

// Roll-outs on a real log, with what zones say and the clock in the hands of the test.

const startMs = Date.UTC(2026, 0, 1);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

class Bed {
  nowMs = startMs;
  applied: Record<string, { applied: number | null; proxies: number; registered?: number }> = {};
  faults: Record<string, Fault[]> = {};
  counts = new Map<string, ProxyCounts>();
  readonly config: ConfigReplica;
  readonly drivers: RolloutDriver[] = [];
  readonly steps: string[] = [];
  readonly #log: EmbeddedLog;
  readonly #listeners = new Set<() => void>();
  readonly #timers = new Set<{ atMs: number; run: () => void }>();
  #ids = 0;

  private constructor(log: EmbeddedLog, config: ConfigReplica) {
    this.#log = log;
    this.config = config;
  }

  static async open(): Promise<Bed> {
    const log = await EmbeddedLog.open({ path: ":memory:" });
    const bed = new Bed(log, await ConfigReplica.open({ log }));
    closing.push(
      () => log.close(),
      () => bed.config.close(),
    );
    await bed.write(
      put("Mesh", "default"),
      put("Timeout", "x", { value: 1 }),
      ...["east", "west", "north"].map((name) => put("Zone", name)),
    );
    return bed;
  }

  /** Another process that follows the same log. */
  async drive(config = this.config): Promise<RolloutDriver> {
    const driver = new RolloutDriver({
      config,
      fleet: {
        applied: () => this.applied,
        faults: () => this.faults,
        watch: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      count: async () => this.counts,
      clock: () => this.nowMs,
      later: (ms, run) => {
        const timer = { atMs: this.nowMs + ms, run };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
      newId: () => `step-${++this.#ids}`,
      onStep: ({ state, stage }) => this.steps.push(`${state} ${stage}`),
      onError: (error) => {
        throw error;
      },
    });
    this.drivers.push(driver);
    closing.push(async () => driver.close());
    return driver;
  }

  async replica(): Promise<ConfigReplica> {
    const config = await ConfigReplica.open({ log: this.#log });
    closing.push(() => config.close());
    return config;
  }

  async write(...changes: Change[]): Promise<number> {
    return (await this.config.submit({ id: `write-${++this.#ids}`, at: this.#at, author: "test", changes, expect: [] })).revision;
  }

  async make({ changes, reliedOn }: Step): Promise<boolean> {
    const keys = new Set([...changes.map(keyOfChange), ...reliedOn].map(keyString));
    const expected = [...keys].map((key) => ({ key, revision: revisionOf(this.config, key) }));
    const id = `write-${++this.#ids}`;
    return (await this.config.submit({ id, at: this.#at, author: "test", changes, expect: expected })).accepted;
  }

  start(stages: RolloutStage[], more: Partial<Pick<RolloutSpec, "onFailure" | "known">> = {}, name = "r"): Promise<boolean> {
    const changes = [put("Timeout", "x", { value: 2 })];
    const rollout = { name, changes, stages, onFailure: "hold" as const, known: [], ...more };
    return this.make(startStep(rollout, this.config, { at: this.#at, author: "test" }));
  }

  /** Proxies of zones acknowledge all that there is. */
  acknowledge(...zones: string[]): void {
    for (const zone of zones) this.applied = { ...this.applied, [zone]: { applied: this.config.revision, proxies: 2 } };
    this.tell();
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.nowMs) continue;
      this.#timers.delete(timer);
      timer.run();
    }
  }

  get rollout() {
    return this.config.get<RolloutSpec>(rolloutType, "", "r")!;
  }

  async reaches(state: RolloutSpec["state"], stage: number): Promise<void> {
    await eventually(async () => expect([this.rollout.spec.state, this.rollout.spec.stage]).toEqual([state, stage]), { limitMs: 3_000 });
  }

  /** Nothing that is under way makes a step. */
  async stays(state: RolloutSpec["state"], stage: number): Promise<void> {
    await this.write(put("Retry", "unrelated", { at: this.config.revision }));
    await new Promise((resolve) => setImmediate(resolve));
    expect([this.rollout.spec.state, this.rollout.spec.stage]).toEqual([state, stage]);
  }

  get values(): unknown[] {
    return ["east", "west", "north"].map(
      (zone) => inEffectAt(zone, this.config).get<{ value: number }>("Timeout", "default", "x")?.spec.value,
    );
  }

  get #at(): string {
    return new Date(this.nowMs).toISOString();
  }
}

const put = (type: string, name: string, spec: unknown = {}): Change => {
  const mesh = type === "Mesh" || type === "Zone" ? "" : "default";
  return { op: "put", resource: { type, mesh, name, spec } };
};
const revisionOf = (state: ResourceReader, key: string) => {
  const [type, mesh, name] = key.split("/") as [string, string, string];
  return state.get(type, mesh, name)?.revision ?? null;
};
const oneByOne: RolloutStage[] = [{ zones: ["east"] }, { zones: ["west"] }, { zones: ["north"] }];
const fault = (more: Partial<Fault> = {}): Fault => ({
  ...{ part: "modification 1", kind: "modification", reason: "script load error", resources: ["Timeout/default/x"], proxies: 2 },
  ...more,
});

test("from zone to zone as each acknowledges, and at last for all", async () => {
  const bed = await Bed.open();
  bed.acknowledge("east", "west", "north");
  await bed.drive();
  await bed.start(oneByOne);
  expect(bed.values).toEqual([2, 1, 1]);
  await bed.stays("running", 0);
  expect(bed.drivers[0]!.waits()).toEqual({
    r: ["proxies of zone east to acknowledge revision 2: the last of its 2 is at 1"],
  });
  // Who acknowledges in other zones is of no matter.
  bed.acknowledge("west", "north");
  await bed.stays("running", 0);
  bed.acknowledge("east");
  await bed.reaches("running", 1);
  expect(bed.values).toEqual([2, 2, 1]);
  bed.acknowledge("west");
  await bed.reaches("running", 2);
  bed.acknowledge("north");
  await bed.reaches("done", 3);
  expect(bed.config.get("Timeout", "default", "x")?.spec).toEqual({ value: 2 });
  expect(bed.values).toEqual([2, 2, 2]);
  expect(bed.rollout.spec).toMatchObject({ changes: [], steps: [{ stage: 0 }, { stage: 1 }, { stage: 2 }, { stage: 3, state: "done" }] });
});

test("a zone without proxies has nothing to wait for", async () => {
  const bed = await Bed.open();
  await bed.drive();
  await bed.start([{ zones: ["east", "west"] }]);
  await bed.reaches("done", 1);
});

test("a zone whose proxies are all away is waited for: its server may be starting anew", async () => {
  const bed = await Bed.open();
  const driver = await bed.drive();
  bed.applied = { east: { applied: null, proxies: 0, registered: 3 } };
  await bed.start([{ zones: ["east"] }]);
  await bed.stays("running", 0);
  expect(driver.waits()["r"]).toEqual(["proxies of zone east to be connected: 3 are registered, and none is"]);
  bed.acknowledge("east");
  await bed.reaches("done", 1);
});

test("what an Envoy refuses holds it where it is; what was known, or is of something else, does not", async () => {
  const bed = await Bed.open();
  bed.acknowledge("east", "west", "north");
  await bed.drive();
  const known = fault({ reason: "as ever" });
  bed.faults = { east: [known, fault({ resources: ["Retry/default/y"] })], west: [], north: [fault()] };
  await bed.start(oneByOne, { known: [faultKey(known)] });
  bed.acknowledge("east");
  await bed.reaches("running", 1);
  bed.faults = { ...bed.faults, west: [fault()] };
  bed.tell();
  await bed.reaches("held", 1);
  expect(bed.rollout.spec.why).toBe("zone west: 2 proxies go without modification 1, of Timeout/default/x: script load error");
  bed.acknowledge("west", "north");
  await bed.stays("held", 1);
  expect(bed.values).toEqual([2, 2, 1]);
  // Somebody lets it pass: the same fault is no reason to hold any more.
  await bed.make(passStep(bed.rollout, { at: "", author: "jo" }, [faultKey(fault()), faultKey(known)]));
  bed.acknowledge("north");
  await bed.reaches("done", 3);
});

test("rolled back by itself, where that is wanted", async () => {
  const bed = await Bed.open();
  bed.acknowledge("east");
  await bed.drive();
  await bed.start(oneByOne, { onFailure: "rollback" });
  bed.faults = { east: [fault({ proxies: 1 })] };
  bed.tell();
  await bed.reaches("rolledBack", 0);
  expect(bed.values).toEqual([1, 1, 1]);
  expect(bed.rollout.spec).toMatchObject({ changes: [], why: expect.stringContaining("1 proxy goes without") });
});

test("a stage lasts at least its time, by the clock of its record", async () => {
  const bed = await Bed.open();
  const driver = await bed.drive();
  await bed.start([{ zones: ["east"], gate: { minTimeMs: 10_000 } }]);
  expect(driver.waits()["r"]).toEqual(["its time: until 2026-01-01T00:00:10.000Z"]);
  bed.advance(9_999);
  await bed.stays("running", 0);
  bed.advance(1);
  await bed.reaches("done", 1);
});

test("errors of the chosen cluster hold it as soon as they are counted; without them it goes on when they were counted for long enough", async () => {
  const stages: RolloutStage[] = [
    { zones: ["east"], gate: { minTimeMs: 8_000, errors: [{ cluster: "web", maxPercent: 10 }] } },
    { zones: ["west"] },
  ];
  const count = (requests: number, failed: number) => new Map([["east/web-1", { web: { requests, failed } }]]);
  const bed = await Bed.open();
  bed.counts = count(1_000, 500);
  await bed.drive();
  await bed.start(stages);
  await bed.stays("running", 0);
  // Half of them failed before, and no more since.
  bed.counts = count(1_100, 505);
  bed.advance(4_000);
  await bed.stays("running", 0);
  // The Envoy begins anew.
  bed.counts = count(20, 2);
  bed.advance(4_000);
  await bed.reaches("done", 2);

  const failing = await Bed.open();
  failing.counts = count(1_000, 500);
  await failing.drive();
  await failing.start(stages);
  await failing.stays("running", 0);
  // Few requests say little so early.
  failing.counts = count(1_010, 505);
  failing.advance(2_000);
  await failing.stays("running", 0);
  failing.counts = count(1_100, 540);
  failing.advance(2_000);
  await failing.reaches("held", 0);
  expect(failing.rollout.spec.why).toBe("cluster web: 40 of 100 requests failed (40.0%, at most 10% may)");
});

test("a cluster that nobody has is not one without errors, until it was seen in an earlier stage", async () => {
  const gate = { minTimeMs: 4_000, errors: [{ cluster: "wbe", maxPercent: 10 }] };
  const bed = await Bed.open();
  bed.counts = new Map([["east/web-1", {}]]);
  const driver = await bed.drive();
  await bed.start([
    { zones: ["east"], gate },
    { zones: ["west"], gate },
  ]);
  for (let turn = 0; turn < 3; turn++) {
    bed.advance(2_000);
    await bed.stays("running", 0);
  }
  expect(driver.waits()["r"]).toEqual(["a caller of cluster wbe: no proxy that the stage has come to has a cluster of that name"]);
  await bed.make(passStep(bed.rollout, { at: new Date(bed.nowMs).toISOString(), author: "jo" }, []));
  await bed.stays("running", 1);
  bed.advance(2_000);
  await bed.stays("running", 1);
  bed.advance(2_000);
  await bed.reaches("done", 2);
});

test("what Envoy's text says of clusters", () => {
  const stats = [
    "cluster.web.upstream_cx_total: 3",
    "cluster.web.upstream_rq_5xx: 2",
    "cluster.web.upstream_rq_completed: 40",
    "cluster.web.upstream_rq_time: P0(nan,1) P25(nan,1.02)",
    "cluster.idle.upstream_cx_total: 0",
    "cluster.webshop.upstream_rq_completed: 7",
  ].join("\n");
  expect(countsOf(stats, ["web", "idle", "none"])).toEqual({ web: { requests: 40, failed: 2 }, idle: { requests: 0, failed: 0 } });
});

test("several processes make each step once, and one that begins in the middle goes on from the log", async () => {
  const bed = await Bed.open();
  bed.acknowledge("east", "west", "north");
  for (let other = 0; other < 3; other++) await bed.drive(await bed.replica());
  await bed.start(oneByOne);
  bed.acknowledge("east");
  await bed.reaches("running", 1);
  for (const driver of bed.drivers) driver.close();
  bed.acknowledge("west");
  await bed.stays("running", 1);
  await bed.drive(await bed.replica());
  await bed.reaches("running", 2);
  await bed.drive(await bed.replica());
  bed.acknowledge("north");
  await bed.reaches("done", 3);
  expect(bed.rollout.spec.steps.map(({ stage, state }) => `${state} ${stage}`)).toEqual(["running 0", "running 1", "running 2", "done 3"]);
  expect(bed.steps.toSorted()).toEqual(["done 3", "running 1", "running 2"]);
});

test("of two that begin at once on one state, one has to look again", async () => {
  const bed = await Bed.open();
  const begin = (name: string) => bed.start(oneByOne, {}, name);
  expect((await Promise.all([begin("r"), begin("s")])).filter(Boolean)).toHaveLength(1);
});

test("a write that got by ends it, whatever state it is in", async () => {
  const bed = await Bed.open();
  bed.acknowledge("east");
  await bed.drive();
  await bed.start(oneByOne);
  await bed.write(put("Timeout", "x", { value: 3 }));
  await bed.reaches("aborted", 0);
  expect(bed.values).toEqual([3, 3, 3]);
  expect(bed.rollout.spec.why).toBe("Timeout/default/x was written by somebody else, at revision 3");
});

test("a pinned zone is not waited for", async () => {
  const bed = await Bed.open();
  bed.applied = { east: { applied: 0, proxies: 1 } };
  await bed.write({ op: "put", resource: { type: "ZonePin", mesh: "", name: "east", spec: { revision: 1, author: "" } } });
  await bed.drive();
  await bed.start([{ zones: ["east"] }]);
  await bed.reaches("done", 1);
  expect(bed.values).toEqual([1, 2, 2]);
});

test("ended ones are kept to be shown, but not all of them", async () => {
  const bed = await Bed.open();
  await bed.drive();
  for (let turn = 0; turn < 23; turn++) {
    await bed.start([{ zones: ["east"] }], {}, `r${turn}`);
    await eventually(async () => expect(bed.config.get<RolloutSpec>(rolloutType, "", `r${turn}`)?.spec.state).toBe("done"));
  }
  expect(bed.config.list(rolloutType).length).toBe(20);
  expect(bed.config.get(rolloutType, "", "r2")).toBeUndefined();
});
