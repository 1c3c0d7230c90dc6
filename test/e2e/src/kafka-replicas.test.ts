import { claimPorts, type PortRange } from "@atoll/demo/port-range";
import { eventually } from "@atoll/testkit/eventually";
import { startKafkaBroker, type KafkaBroker } from "@atoll/testkit/kafka-broker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GlobalReplicas } from "./global-replicas.ts";
import { jsonHeaders, rest, type RestAnswer } from "./index.ts";
import { contradictions, type LoggedWrite, type Operation } from "./write-history.ts";

// Two replicas of global over one Kafka: both take writes at once, and there is one history.
const replicas = [0, 1] as const;
let globals: GlobalReplicas;
let range: PortRange;
let kafka: KafkaBroker;

beforeAll(async () => {
  kafka = await startKafkaBroker();
  range = await claimPorts({ preferred: 29_250, ports: (base) => Array.from({ length: 30 }, (_, index) => base + index) });
  globals = new GlobalReplicas(range.base, kafka);
  await globals.start(0);
  globals.shareKeys(0, 1);
  await globals.start(1);
}, 180_000);

afterAll(async () => {
  await globals?.close();
  await kafka?.close();
  range?.release();
}, 60_000);

const url = (replica: number) => globals.url(replica);
const path = (key: string) => `/meshes/default/traffic-permissions/${key}`;
const permission = (key: string, value: string) => ({
  type: "TrafficPermission",
  mesh: "default",
  name: key,
  sources: [{ match: { "kuma.io/service": value } }],
  destinations: [{ match: { "kuma.io/service": "*" } }],
});
const put = (replica: number, key: string, value: string, headers: Record<string, string> = {}): Promise<RestAnswer> =>
  rest(url(replica) + path(key), {
    method: "PUT",
    headers: { ...jsonHeaders, ...headers },
    body: JSON.stringify(permission(key, value)),
  });

test("a write on either replica is read on the other, with the same revision", async () => {
  for (const replica of replicas) {
    const made = await put(replica, `from-${replica}`, "web");
    expect(made.status).toBe(201);
    const read = await eventually(async () => {
      const answer = await rest(url(1 - replica) + path(`from-${replica}`));
      return answer.status === 200 ? answer : undefined;
    });
    expect(read.json()).toMatchObject({ name: `from-${replica}`, sources: [{ match: { "kuma.io/service": "web" } }] });
  }
  await globals.agree();
});

test("of conditional writes at both replicas at once exactly one wins", async () => {
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(
      [0, 1, 0, 1].map((replica, index) => put(replica, `race-${round}`, `writer-${index}`, { "if-none-match": "*" })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const winner = answers.findIndex(({ status }) => status === 201);
    await globals.agree();
    for (const replica of replicas) {
      expect((await rest(url(replica) + path(`race-${round}`))).json()).toMatchObject({
        sources: [{ match: { "kuma.io/service": `writer-${winner}` } }],
      });
    }
  }
});

describe("the check of histories finds", () => {
  const base = { key: "k", kind: "put", beganMs: 1, endedMs: 2, status: 201, revision: 5 } as const;
  const logged = (revision: number, reason: string, op: "put" | "delete" = "put"): LoggedWrite => ({
    revision,
    id: `${reason}-${revision}`,
    reason,
    accepted: true,
    changes: [{ op, key: "k" }],
  });
  test.each<[string, Operation[], LoggedWrite[], string]>([
    ["a lost write", [{ ...base, id: "a" }], [], "a .* was told revision 5, and counts at none"],
    ["a doubled write", [{ ...base, id: "a" }], [logged(5, "a"), logged(6, "a")], "a .* counts 2 times"],
    ["a refused write that counts", [{ ...base, id: "a", condition: null, status: 409 }], [logged(5, "a")], "was refused, and counts at 5"],
    [
      "a condition that did not hold",
      [{ ...base, id: "b", condition: null, beganMs: 3, endedMs: 4, revision: 6 }],
      [logged(5, "a"), logged(6, "b")],
      "b .* counts at 6, where the key is 5",
    ],
    [
      "an update that was told to be a creation",
      [{ ...base, id: "b", revision: 6 }],
      [logged(5, "a"), logged(6, "b")],
      "b .* counts at 6, where the key is 5",
    ],
    [
      "a write that counts before one that was answered before it was asked",
      [
        { ...base, id: "a", revision: 6, status: 200 },
        { ...base, id: "b", revision: 5, beganMs: 3, endedMs: 4 },
      ],
      [logged(5, "b"), logged(6, "a")],
      "b .* counts at 5, before 6",
    ],
    [
      "a refusal for what had been over by then",
      [
        { ...base, id: "a" },
        { ...base, id: "b", kind: "delete", status: 200, revision: 6, beganMs: 3, endedMs: 4 },
        { ...base, id: "c", condition: null, status: 409, revision: 0, beganMs: 5, endedMs: 6 },
      ],
      [logged(5, "a"), logged(6, "b", "delete")],
      "c .* was refused between 6 and Infinity, where the key is absent",
    ],
  ])("%s", (_, operations, log, what) => {
    expect(contradictions(operations, log)).toContainEqual(expect.stringMatching(what));
  });

  test("nothing in one where an answer was lost and the write counts all the same", () => {
    const operations: Operation[] = [
      { ...base, id: "a", status: 0, revision: 0 },
      { ...base, id: "b", kind: "delete", status: 200, revision: 7, beganMs: 3, endedMs: 6 },
      { ...base, id: "c", condition: null, status: 409, revision: 0, beganMs: 4, endedMs: 5 },
      { ...base, id: "d", kind: "delete", status: 404, revision: 0, beganMs: 7, endedMs: 8 },
    ];
    // Twice in the log, the same change set.
    const log = [logged(5, "a"), { ...logged(5, "a"), revision: 6 }, logged(7, "b", "delete")];
    expect(contradictions(operations, log)).toEqual([]);
  });
});

const wanted = 5_000;
const limitMs = 240_000;

test(
  "5,000 writes of 8 clients are linearizable while replicas and the broker are killed: nothing that was acknowledged is lost or doubled",
  { timeout: limitMs + 90_000 },
  async () => {
    const seed = Number(process.env["ATOLL_TEST_SEED"] ?? Date.now() % 1_000_000);
    console.log(`linearizability: seed ${seed}`);
    const random = randomNumbers(seed);
    const keys = Array.from({ length: 12 }, (_, index) => `register-${index}`);
    const operations: Operation[] = [];
    /** Newest revision of a key that any client was told; 0 = gone. */
    const told = new Map<string, number>();
    const deadline = performance.now() + limitMs;
    const isOver = () => performance.now() > deadline || operations.filter(({ status }) => status > 0 && status < 500).length >= wanted;
    let over = false;

    const client = async (name: number): Promise<void> => {
      for (let count = 0; !over; count += 1) {
        const key = keys[Math.floor(random() * keys.length)]!;
        const id = `op-${seed}-${name}-${count}`;
        const known = told.get(key);
        const choice = random();
        const kind = choice < 0.25 ? "delete" : "put";
        const condition = choice < 0.1 || choice > 0.7 ? undefined : choice > 0.55 && kind === "put" ? null : known || undefined;
        const headers: Record<string, string> = { "atoll-reason": id };
        if (condition === null) headers["if-none-match"] = "*";
        if (typeof condition === "number") headers["if-match"] = `"${condition}"`;
        const replica = random() < 0.5 ? 0 : 1;
        const beganMs = performance.now();
        const answer = await (
          kind === "put" ? put(replica, key, id, headers) : rest(url(replica) + path(key), { method: "DELETE", headers })
        ).catch(() => undefined);
        const status = answer?.status ?? 0;
        const isWritten = status === 200 || status === 201;
        const revision = isWritten ? answer!.revision : 0;
        operations.push({
          ...{ id, key: `TrafficPermission/default/${key}`, kind, beganMs, endedMs: performance.now(), status, revision },
          ...(condition === undefined ? {} : { condition }),
        });
        if (isWritten && revision > (known ?? 0)) told.set(key, kind === "put" ? revision : 0);
        // Whoever finds nobody there does not ask a thousand times a second.
        if (status === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        over ||= isOver();
      }
    };

    const until = (share: number) => eventually(() => over || operations.length >= share * wanted, { limitMs, everyMs: 5 });
    const kills: string[] = [];
    const chaos = async (): Promise<void> => {
      for (const [index, share] of [0.1, 0.22, 0.34, 0.46, 0.58, 0.7, 0.82].entries()) {
        await until(share + 0.05 * random());
        if (over) return;
        const isBroker = index === 2 || index === 5;
        const victim = isBroker ? "broker" : random() < 0.5 ? 0 : 1;
        kills.push(String(victim));
        if (victim === "broker") {
          await kafka.kill();
          await kafka.start();
        } else {
          await globals.kill(victim);
          await globals.start(victim);
        }
      }
    };
    const began = performance.now();
    await Promise.all([...Array.from({ length: 8 }, (_, name) => client(name)), chaos()]);
    const tookS = (performance.now() - began) / 1_000;
    const known = operations.filter(({ status }) => status > 0 && status < 500);
    console.log(
      `linearizability: ${known.length} answered, ${operations.length - known.length} not or with 5xx, in ${tookS.toFixed(0)} s; killed: ${kills.join(" ")}`,
    );
    expect(known.length).toBeGreaterThanOrEqual(wanted);
    expect(new Set(known.map(({ status }) => status))).toEqual(new Set([200, 201, 404, 409]));
    expect(kills.filter((one) => one === "broker").length).toBe(2);
    expect(kills.length).toBe(7);

    const { revision } = await globals.agree();
    const logs = await Promise.all(replicas.map((replica) => history(replica, revision)));
    expect(logs[1]).toEqual(logs[0]);
    expect(contradictions(operations, logs[0]!)).toEqual([]);

    // What is read in the end is what the history says.
    for (const key of keys) {
      const last = logs[0]!.findLast(({ accepted, changes }) => accepted && changes.some((change) => change.key.endsWith(`/${key}`)));
      for (const replica of replicas) {
        const read = await rest(url(replica) + path(key));
        if (last === undefined || last.changes[0]!.op === "delete") expect(read.status).toBe(404);
        else expect(read.json()).toMatchObject({ sources: [{ match: { "kuma.io/service": last.reason } }] });
      }
    }
  },
);

async function history(replica: number, head: number): Promise<LoggedWrite[]> {
  const log: LoggedWrite[] = [];
  for (let from = 1; from <= head; from += 1_000) {
    const answer = await rest(`${url(replica)}/revisions?from=${from}&to=${Math.min(head, from + 999)}`);
    for (const { revision, id, reason, accepted, changes } of answer.json<{ items: LoggedWrite[] }>().items)
      log.push({
        revision,
        id,
        ...(reason === undefined ? {} : { reason }),
        accepted,
        changes: changes.map(({ op, key }) => ({ op, key })),
      });
  }
  return log.sort((a, b) => a.revision - b.revision);
}

/** Mulberry32: numbers in [0, 1) that a seed gives again. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test("a replica with keys of its own is refused, with what to do about it", async () => {
  const stranger = await globals.launch(3);
  expect(await stranger.exited).not.toBe(0);
  expect(stranger.output()).toContain("copy global.key and zone.key of another replica");
});
