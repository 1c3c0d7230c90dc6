import { topics } from "@atoll/event-log";
import { type KeyString, type Resource, type RolloutSpec, type ZonePinSpec, isStaged, keyString, parseKeyString } from "@atoll/resource";
import { expect, test } from "vitest";
import {
  type Change,
  type ChangeEvent,
  type ChangeSet,
  ConfigState,
  type ResourceReader,
  ZoneInEffect,
  appendSnapshot,
  equalValue,
  fold,
  inEffectAt,
  isInShare,
  readNewestSnapshot,
  stateInZone,
  supersededBy,
  valueDigest,
} from "../src/index.ts";
import { changeSet, key, memoryLog, put, remove } from "./fixtures.ts";

// What a zone has is a function of the log up to a revision, whoever reads it, from where, and however often it began anew.

const zones = ["east", "west", "north"];
const nodes = ["a", "b", "c", "d"];
const types = ["Timeout", "Retry", "HostnameGenerator", "Secret"];

class Followed {
  state: ConfigState;
  readonly listeners = new Set<(event: ChangeEvent) => void>();
  readonly watched = {
    get: (type: string, mesh: string, name: string) => this.state.get(type, mesh, name),
    list: (type: string, mesh?: string) => this.state.list(type, mesh),
    heldFor: (zone: string) => this.state.heldFor(zone),
    watch: (listener: (event: ChangeEvent) => void) => {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    },
  } as ConstructorParameters<typeof ZoneInEffect>[1];

  constructor(state = new ConfigState()) {
    this.state = state;
    Object.defineProperty(this.watched, "revision", { get: () => this.state.revision });
  }

  take(set: ChangeSet): boolean {
    const revision = this.state.revision + 1;
    const outcome = fold(this.state, { revision, changeSet: set });
    this.state.apply(revision, outcome);
    const { verdict } = outcome;
    if (verdict.accepted && verdict.changed.length > 0)
      for (const listener of this.listeners) listener({ revision, keys: verdict.changed });
    return verdict.accepted;
  }
}

/** Everything that a reader has of the types that the tests write, but for revisions: an equal write moves those. */
const contentOf = (reader: ResourceReader): Map<KeyString, unknown> =>
  new Map(
    types.flatMap((type) =>
      reader.list(type).map((one): [KeyString, unknown] => [keyString(one), [one.labels, one.spec, one.creationTime]]),
    ),
  );

/** The same without times: what is foretold has none. */
const valuesOf = (reader: ResourceReader): [string, unknown][] =>
  types
    .flatMap((type) => reader.list(type).map((one): [string, unknown] => [keyString(one), one.spec]))
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** A record that decides nothing about zones, and writes nothing that a roll-out under way changes. */
function isPlain({ changes }: ChangeSet, state: ConfigState): boolean {
  const taken = new Set(state.list<RolloutSpec>("Rollout").flatMap(({ spec }) => (spec.state === "running" ? Object.keys(spec.base) : [])));
  return changes.every((change) => {
    const key = change.op === "put" ? change.resource : change.key;
    return types.includes(key.type) && !taken.has(keyString(key));
  });
}

/** Keeps what it was told of: whoever misses a key has something else than who reads afresh. */
class Told {
  readonly content = new Map<KeyString, unknown>();
  readonly #of: () => ResourceReader | undefined;

  constructor(of: () => ResourceReader | undefined, watch: ZoneInEffect["watch"]) {
    this.#of = of;
    watch(({ keys }) => keys.forEach((each) => this.look(each)));
  }

  look(text: KeyString): void {
    const { type, mesh, name } = parseKeyString(text);
    const one = types.includes(type) ? this.#of()?.get(type, mesh, name) : undefined;
    if (one) this.content.set(text, [one.labels, one.spec, one.creationTime]);
    else this.content.delete(text);
  }
}

class RandomLog {
  #seed: number;
  readonly records: ChangeSet[] = [];

  constructor(seed: number) {
    this.#seed = seed;
  }

  below(count: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * count);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  change(): Change {
    const type = this.of(types);
    const mesh = type === "HostnameGenerator" ? "" : this.of(["m1", "m2"]);
    const name = this.of(["x", "y", "z"]);
    return this.below(4) === 0 ? remove(type, mesh, name) : put(type, mesh, name, { value: this.below(4) });
  }

  next(state: ConfigState): ChangeSet {
    const at = new Date(Date.UTC(2026, 0, 1) + this.records.length * 1000).toISOString();
    const record = changeSet(this.#changes(state), { at });
    this.records.push(record);
    return record;
  }

  #changes(state: ConfigState): Change[] {
    const kind = this.below(20);
    if (kind === 0) return [remove("Mesh", "", this.of(["m1", "m2"]))];
    if (kind <= 2) return [put("Mesh", "", this.of(["m1", "m2"]))];
    if (kind === 3) return [put("ZonePin", "", this.of(zones), { revision: state.revision, author: "" } satisfies ZonePinSpec)];
    if (kind === 4) return [remove("ZonePin", "", this.of(zones))];
    if (kind === 5) return this.#move(state);
    if (kind <= 8) return this.#start(state);
    if (kind <= 12) return this.#step(state);
    return Array.from({ length: 1 + this.below(3) }, () => this.change());
  }

  /** A pinned zone goes to another revision. */
  #move(state: ConfigState): Change[] {
    const zone = this.of(zones);
    const pin = state.get<ZonePinSpec>("ZonePin", "", zone);
    if (!pin) return [];
    const [text, now] = [key("Timeout", "m1", "x"), state.get("Timeout", "m1", "x")];
    const values: ZonePinSpec["values"] = [[text, now ? { ...now, spec: { value: this.below(4) } } : null]];
    return [put("ZonePin", "", zone, { ...pin.spec, revision: 1, values } satisfies ZonePinSpec)];
  }

  #start(state: ConfigState): Change[] {
    const changes = new Map<KeyString, Change>();
    for (const change of [this.change(), this.change()]) {
      const at = change.op === "put" ? change.resource : change.key;
      if (isStaged(at.type)) changes.set(keyString(at), change);
    }
    const base = Object.fromEntries(
      [...changes].map(([text]) => {
        const { type, mesh, name } = parseKeyString(text);
        return [text, valueDigest(state.get(type, mesh, name))];
      }),
    );
    const stages = zones.map((zone) => ({ zones: [zone], ...(this.below(2) === 0 && { share: 25 + this.below(50) }) }));
    const spec: RolloutSpec = {
      ...{ author: "", changes: [...changes.values()], base, stages, onFailure: "hold", state: "running", stage: 0, since: "" },
      ...{ known: [], steps: [] },
    };
    return [put("Rollout", "", this.of(["r1", "r2"]), spec)];
  }

  #step(state: ConfigState): Change[] {
    const [rollout] = state.list<RolloutSpec>("Rollout").filter(({ spec }) => spec.state === "running");
    if (!rollout) return [];
    const { name, spec } = rollout;
    if (supersededBy(rollout, state) || this.below(4) === 0) return [put("Rollout", "", name, { ...spec, state: "aborted" })];
    if (spec.stage < spec.stages.length - 1) return [put("Rollout", "", name, { ...spec, stage: spec.stage + 1 })];
    return [...spec.changes, put("Rollout", "", name, { ...spec, state: "done" })];
  }
}

test.each(Array.from({ length: 12 }, (_, index) => index + 1))("one log, one configuration in each zone (seed %i)", async (seed) => {
  const random = new RandomLog(seed);
  const one = new Followed();
  const inEffect = zones.map((zone) => new ZoneInEffect(zone, one.watched));
  const told = inEffect.map((zone) => ({
    zone,
    whole: new Told(
      () => zone,
      (listener) => zone.watch(listener),
    ),
    trial: new Told(
      () => zone.trial?.reader ?? zone,
      (listener) => zone.watch(listener),
    ),
  }));
  const held = new Map<string, { meshes: Map<string, string>; content: Map<KeyString, unknown> }>();
  // Another process: now and then it loses its place, and goes on from a snapshot with what its readers hold of before.
  const restarted = new Followed();
  const again = zones.map((zone) => new ZoneInEffect(zone, restarted.watched));
  for (let turn = 0; turn < 250; turn++) {
    const meshes = new Map(one.state.list("Mesh").map((mesh) => [mesh.name, mesh.creationTime]));
    const contents = new Map(zones.map((zone) => [zone, contentOf(one.state)]));
    const record = random.next(one.state);
    const foretold = isPlain(record, one.state) ? zones.map((zone) => stateInZone(zone, one.state, record.changes)) : undefined;
    one.take(record);
    for (const [index, { whole, trial }] of foretold?.entries() ?? []) {
      const zone = inEffect[index]!;
      expect(valuesOf(whole), `turn ${turn}, foretold ${zone.zone}`).toEqual(valuesOf(zone));
      expect(trial && valuesOf(trial), `turn ${turn}, foretold ${zone.zone}`).toEqual(zone.trial && valuesOf(zone.trial.reader));
    }
    restarted.take(record);

    if (random.below(25) === 0) {
      const log = await memoryLog();
      await log.ensureTopic({ name: topics.configSnapshots, cleanup: "compact" });
      await appendSnapshot(log, restarted.state.capture(), undefined);
      restarted.state = (await readNewestSnapshot(log))!.state;
      await log.close();
    }
    for (const { zone, whole, trial } of told) {
      const at = `turn ${turn}, ${zone.zone}`;
      const now = contentOf(zone);
      expect(contentOf(inEffectAt(zone.zone, restarted.state)), at).toEqual(now);
      expect(contentOf(again.find((each) => each.zone === zone.zone)!), `${at}, followed`).toEqual(now);
      for (const node of nodes) {
        const reader = zone.trial?.takes(node) ? zone.trial.reader : zone;
        expect(contentOf(inEffectAt(zone.zone, restarted.state, node)), `${at}, ${node}`).toEqual(contentOf(reader));
      }
      // Whoever follows the events missed none.
      expect(new Map([...whole.content].sort()), at).toEqual(new Map([...now].sort()));
      expect(new Map([...trial.content].sort()), at).toEqual(new Map([...contentOf(zone.trial?.reader ?? zone)].sort()));
    }
    // What a pin means, said another way: of meshes that go on everything is as it was, of all else it is as everywhere.
    for (const change of record.changes) {
      const { type, name } = change.op === "put" ? change.resource : change.key;
      if (type !== "ZonePin") continue;
      if (change.op === "delete") held.delete(name);
      else if (!(change.resource.spec as ZonePinSpec).values) held.set(name, { meshes, content: contents.get(name)! });
      else {
        const kept = held.get(name);
        for (const [text, value] of (change.resource.spec as ZonePinSpec).values!) {
          const { mesh } = parseKeyString(text);
          if (value) kept?.content.set(text, [value.labels, value.spec, value.creationTime]);
          else if (kept?.meshes.has(mesh)) kept.content.delete(text);
        }
      }
    }
    for (const [zone, kept] of held) {
      for (const [mesh, since] of kept.meshes) if (one.state.get("Mesh", "", mesh)?.creationTime !== since) kept.meshes.delete(mesh);
      const isHeld = (text: KeyString) => {
        const { type, mesh } = parseKeyString(text);
        return isStaged(type) && (mesh === "" || kept.meshes.has(mesh));
      };
      const expected = [...contentOf(one.state)]
        .filter(([text]) => !isHeld(text))
        .concat([...kept.content].filter(([text]) => isHeld(text)));
      const now = contentOf(inEffect.find((each) => each.zone === zone)!);
      expect(new Map([...now].sort()), `turn ${turn}, pinned ${zone}`).toEqual(new Map(expected.sort()));
    }
  }
});

const pin = (zone: string, revision: number): Change => put("ZonePin", "", zone, { revision, author: "" } satisfies ZonePinSpec);

test("a pinned zone takes secrets and keys, and nothing of what its policies become", () => {
  const { state, take } = bound();
  take(put("Mesh", "", "m1"), put("Timeout", "m1", "x", { value: 1 }));
  take(pin("west", 1));
  take(put("Timeout", "m1", "x", { value: 2 }), put("Timeout", "m1", "y"), put("Secret", "m1", "s", { data: "new" }));
  const west = inEffectAt("west", state);
  expect(west.get("Timeout", "m1", "x")?.spec).toEqual({ value: 1 });
  expect(west.list("Timeout")).toHaveLength(1);
  expect(west.get("Secret", "m1", "s")?.spec).toEqual({ data: "new" });
  expect(inEffectAt("east", state).list("Timeout")).toHaveLength(2);
  take(remove("ZonePin", "", "west"));
  expect(inEffectAt("west", state).list("Timeout")).toHaveLength(2);
});

test("a roll-out is in effect where it has come, until somebody else writes what it changes", () => {
  const { state, take } = bound();
  take(put("Mesh", "", "m1"), put("Timeout", "m1", "x", { value: 1 }));
  const spec = (stage: number): RolloutSpec => ({
    ...{ author: "", changes: [put("Timeout", "m1", "x", { value: 2 })], stages: [{ zones: ["east"] }, { zones: ["west"] }] },
    base: { [key("Timeout", "m1", "x")]: valueDigest({ labels: {}, spec: { value: 1 } } as Resource) },
    ...{ onFailure: "hold", state: "running", stage, since: "", known: [], steps: [] },
  });
  const valueIn = (zone: string) => inEffectAt(zone, state).get<{ value: number }>("Timeout", "m1", "x")!.spec.value;
  take(put("Rollout", "", "r", spec(0)));
  expect(zones.map(valueIn)).toEqual([2, 1, 1]);
  take(put("Rollout", "", "r", spec(1)));
  expect(zones.map(valueIn)).toEqual([2, 2, 1]);
  // An equal write is none.
  take(put("Timeout", "m1", "x", { value: 1 }));
  expect(zones.map(valueIn)).toEqual([2, 2, 1]);
  take(put("Timeout", "m1", "x", { value: 3 }));
  expect(zones.map(valueIn)).toEqual([3, 3, 3]);
});

test("a share is of the size that it says, and who is among few is among more", () => {
  const all = Array.from({ length: 2000 }, (_, index) => `dataplane.default.web-${index}`);
  const few = all.filter((node) => isInShare("r", 10, node));
  expect(few.length).toBeGreaterThan(150);
  expect(few.length).toBeLessThan(250);
  expect(few.every((node) => isInShare("r", 30, node))).toBe(true);
  expect(all.every((node) => isInShare("r", 100, node))).toBe(true);
  expect(few.filter((node) => isInShare("another", 10, node)).length).toBeLessThan(few.length);
});

function bound(): { state: ConfigState; take: (...changes: Change[]) => boolean } {
  const followed = new Followed();
  return { state: followed.state, take: (...changes) => followed.take(changeSet(changes)) };
}

test("values are equal for the digest as they are for the fold", () => {
  const of = (spec: unknown, labels?: Record<string, string>) => ({ spec, ...(labels && { labels }) }) as Resource;
  expect(valueDigest(of({ a: 1, b: [{ c: 2, d: 3 }] }, {}))).toBe(valueDigest(of({ b: [{ d: 3, c: 2 }], a: 1 })));
  expect(equalValue(of({ a: 1 }), of({ a: 2 }))).toBe(false);
  expect(valueDigest(of({ a: 1 }))).not.toBe(valueDigest(of({ a: 2 })));
});
