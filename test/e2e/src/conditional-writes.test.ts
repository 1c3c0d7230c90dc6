import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonHeaders, type RestAnswer, TestStack } from "./index.ts";

// Many clients write the same keys over REST, each on the condition that the key is as it knows it.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(31_000, { zones: ["east"] });
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  expect(nacks).toEqual([]);
}, 60_000);

interface Write {
  key: string;
  value: string;
  /** Revision the writer expected the key at; null = absent. */
  expected: number | null;
  answer: RestAnswer;
}

interface LogRecord {
  revision: number;
  accepted: boolean;
  author: string;
  changes: {
    op: "put" | "delete";
    key: string;
    resource?: { sources: { match: Record<string, string> }[]; spec?: { sources: { match: Record<string, string> }[] } };
  }[];
}

const path = (key: string) => `/meshes/default/traffic-permissions/${key}`;
const permission = (key: string, value: string) => ({
  type: "TrafficPermission",
  mesh: "default",
  name: key,
  sources: [{ match: { "kuma.io/service": value } }],
  destinations: [{ match: { "kuma.io/service": "*" } }],
});

async function write(key: string, value: string, expected: number | null): Promise<Write> {
  const condition: Record<string, string> = expected === null ? { "if-none-match": "*" } : { "if-match": `"${expected}"` };
  const answer = await atoll.call(path(key), {
    method: "PUT",
    headers: { ...jsonHeaders, ...condition },
    body: JSON.stringify(permission(key, value)),
  });
  return { key, value, expected, answer };
}

/** A client with its own idea of what is stored: it learns from its successes, and reads a key again after it lost. */
async function client(name: string, keys: readonly string[], writes: number, atOnce: number): Promise<Write[]> {
  const known = new Map<string, number | null>();
  const done: Write[] = [];
  let next = 0;
  const one = async () => {
    while (next < writes) {
      const index = next++;
      const key = keys[index % keys.length]!;
      const made = await write(key, `${name}-${index}`, known.get(key) ?? null);
      done.push(made);
      if (made.answer.status < 300) known.set(key, made.answer.revision);
      else {
        const { status, headers } = await atoll.call(path(key));
        known.set(key, status === 200 ? Number(String(headers["etag"]).replaceAll('"', "")) : null);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return done;
}

async function recordsAfter(revision: number): Promise<LogRecord[]> {
  const { revision: head } = await atoll.replica("global");
  const records: LogRecord[] = [];
  for (let from = revision + 1; from <= head; from += 500) {
    const answer = await atoll.call(`/revisions?from=${from}&to=${Math.min(head, from + 499)}`);
    expect(answer.status).toBe(200);
    records.push(...answer.json<{ items: LogRecord[] }>().items);
  }
  return records;
}

const valueOf = ({ changes: [change] }: LogRecord) => (change!.resource!.spec ?? change!.resource!).sources[0]!.match["kuma.io/service"]!;
const keyOf = ({ changes: [change] }: LogRecord) => change!.key.split("/").at(-1)!;

test("1,000 concurrent conditional writes to 50 keys by 8 clients: no update is lost, none is doubled", async () => {
  const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
  const { revision: before } = await atoll.replica("global");
  const writes = (await Promise.all(Array.from({ length: 8 }, (_, index) => client(`client-${index}`, keys, 125, 25)))).flat();
  expect(writes).toHaveLength(1_000);

  const won = writes.filter(({ answer }) => answer.status === 200 || answer.status === 201);
  const lost = writes.filter((one) => !won.includes(one));
  expect(won.length).toBeGreaterThan(50);
  expect(lost.length).toBeGreaterThan(50);
  for (const { answer, expected, key } of lost) {
    expect(answer.status).toBe(409);
    const body = answer.json<{ type: string; status: number; title: string; detail: string; details: string }>();
    expect(Object.keys(body)).toEqual(["type", "status", "title", "detail", "details"]);
    expect(body).toMatchObject({ type: "/std-errors", status: 409, title: "Conflict", details: body.detail });
    const wanted = expected === null ? "exists, at revision \\d+" : `is at revision \\d+, not ${expected}`;
    expect(body.detail).toMatch(new RegExp(`^TrafficPermission "${key}" of mesh "default" ${wanted}$`));
  }

  // Each acknowledged write is one accepted record, at the revision that its answer said; no other record is accepted.
  const accepted = (await recordsAfter(before)).filter((record) => record.accepted);
  const logged = accepted.map((record) => `${record.revision} ${keyOf(record)} ${valueOf(record)}`).toSorted();
  expect(logged).toEqual(won.map(({ answer, key, value }) => `${answer.revision} ${key} ${value}`).toSorted());

  // Of each key the winners form a chain: every one of them had seen the one before.
  for (const key of keys) {
    const chain = won.filter((one) => one.key === key).toSorted((a, b) => a.answer.revision - b.answer.revision);
    expect(chain.map((one) => one.expected)).toEqual([null, ...chain.slice(0, -1).map((one) => one.answer.revision)]);
    expect(chain.map((one) => one.answer.status)).toEqual([201, ...chain.slice(1).map(() => 200)]);
    const stored = await atoll.call(path(key));
    expect(stored.headers["etag"]).toBe(`"${chain.at(-1)!.answer.revision}"`);
    expect(stored.json()).toMatchObject({ sources: [{ match: { "kuma.io/service": chain.at(-1)!.value } }] });
  }
});

test("other processes that fold the same log have the same state", async () => {
  const global = await atoll.replica("global");
  for (const name of ["zone-east", "xds-east"] as const) {
    const state = await atoll.reaches(name, global.revision);
    expect(state).toEqual(global);
  }
});

test("kill -9 of global amid writes: every acknowledged write is there afterwards, exactly once", async () => {
  const { revision: before } = await atoll.replica("global");
  const acknowledged: { key: string; value: string; revision: number }[] = [];
  let down = false;
  const writer = async (name: string) => {
    for (let index = 0; !down; index++) {
      const key = `${name}-${index % 10}`;
      const value = `${name}-value-${index}`;
      try {
        const answer = await atoll.call(path(key), { method: "PUT", headers: jsonHeaders, body: JSON.stringify(permission(key, value)) });
        if (answer.status < 300) acknowledged.push({ key, value, revision: answer.revision });
      } catch {
        return; // the connection broke: nobody was told anything
      }
    }
  };
  const writers = Array.from({ length: 8 }, (_, index) => writer(`crash-${index}`));
  await eventually(() => acknowledged.length >= 300, { limitMs: 20_000 });
  await atoll.stack.global.kill();
  down = true;
  await Promise.all(writers);
  await atoll.stack.global.start();
  const records = (await recordsAfter(before)).filter((record) => record.accepted);
  const byRevision = new Map(records.map((record) => [record.revision, record]));
  for (const { key, value, revision } of acknowledged) {
    const record = byRevision.get(revision);
    expect(record && `${keyOf(record)} ${valueOf(record)}`).toBe(`${key} ${value}`);
  }
  const values = records.map(valueOf);
  expect(new Set(values).size).toBe(values.length);
  // At most one write of each writer was on its way when global died.
  expect(values.length - acknowledged.length).toBeLessThanOrEqual(8);
  const global = await atoll.replica("global");
  for (const name of ["zone-east", "xds-east"] as const) expect(await atoll.reaches(name, global.revision)).toEqual(global);
});
