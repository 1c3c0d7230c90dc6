import { HistoryError } from "@atoll/replica";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApi } from "../src/index.ts";
import { type FakeConfig, planeOptions } from "./fake-plane.ts";

let config: FakeConfig;
let url: string;
let close: () => Promise<void>;

beforeEach(async () => {
  const plane = planeOptions();
  ({ config } = plane);
  const api = createApi(plane.options);
  url = await api.listen({ host: "127.0.0.1", port: 0 });
  close = () => api.close();
});
afterEach(() => close());

const put = (type: string, mesh: string, name: string, more: object = {}) => ({
  op: "put" as const,
  resource: { type, mesh, name, spec: { of: name }, ...more },
});
const del = (type: string, mesh: string, name: string) => ({ op: "delete" as const, key: { type, mesh, name } });
let count = 0;
const submit = (...changes: (ReturnType<typeof put> | ReturnType<typeof del>)[]) =>
  config.submit({ id: `set-${++count}`, at: "2026-01-01T00:00:00Z", author: "jane", reason: "because", changes, expect: [] });

interface Event {
  event: string;
  id: string | undefined;
  data: any; // oxlint-disable-line typescript/no-explicit-any -- answers of every shape
}

/** Reads a stream until `count` events with data have come. */
async function read(query: string, wanted: number, options: { headers?: Record<string, string>; then?: () => Promise<unknown> } = {}) {
  const ended = new AbortController();
  const answer = await fetch(`${url}/changes${query}`, {
    headers: { accept: "text/event-stream", ...options.headers },
    signal: ended.signal,
  });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const events: Event[] = [];
  const ids: string[] = [];
  let text = "";
  let told = false;
  for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => [line.split(": ", 1)[0]!, line.slice(line.indexOf(": ") + 2)]));
      if (fields["id"] !== undefined) ids.push(fields["id"]);
      if (fields["data"] !== undefined && fields["event"] !== "position")
        events.push({ event: fields["event"]!, id: fields["id"], data: JSON.parse(fields["data"]) });
    }
    if (!told) {
      told = true;
      await options.then?.();
    }
    if (events.length >= wanted) break;
  }
  ended.abort();
  return { events, ids };
}

test("what was before and what comes, in order, each under its revision", async () => {
  await submit(put("Mesh", "", "default"));
  await submit(put("TrafficRoute", "default", "a"), put("TrafficRoute", "default", "b"));
  const { events } = await read("?after=1", 2, { then: () => submit(del("TrafficRoute", "default", "a")) });
  expect(events).toEqual([
    {
      event: "change",
      id: "2",
      data: {
        revision: 2,
        id: expect.any(String),
        at: "2026-01-01T00:00:00Z",
        author: "jane",
        reason: "because",
        changes: [
          { op: "put", key: "TrafficRoute/default/a", resource: { type: "TrafficRoute", mesh: "default", name: "a", spec: { of: "a" } } },
          { op: "put", key: "TrafficRoute/default/b", resource: { type: "TrafficRoute", mesh: "default", name: "b", spec: { of: "b" } } },
        ],
      },
    },
    { event: "change", id: "3", data: expect.objectContaining({ changes: [{ op: "delete", key: "TrafficRoute/default/a" }] }) },
  ]);
});

test("without a position: from now on; Last-Event-ID goes before the query", async () => {
  await submit(put("Mesh", "", "default"));
  const fresh = await read("", 1, { then: () => submit(put("Mesh", "", "next")) });
  expect(fresh.events.map(({ id }) => id)).toEqual(["2"]);
  expect(fresh.ids[0]).toBe("1");
  const resumed = await read("?after=0", 1, { headers: { "last-event-id": "1" } });
  expect(resumed.events.map(({ id }) => id)).toEqual(["2"]);
});

test("what a mesh's end takes with it is told; what was refused or changed nothing is not", async () => {
  await submit(put("Mesh", "", "one"), put("Mesh", "", "two"), put("TrafficRoute", "one", "r"), put("Secret", "one", "s"));
  await submit(put("TrafficRoute", "one", "r"));
  await config.submit({ id: "no", at: "", author: "", changes: [put("Mesh", "", "x")], expect: [{ key: "Mesh//gone", revision: 7 }] });
  await submit(del("Mesh", "", "one"));
  const { events } = await read("?after=1", 1);
  expect(events.map(({ id, data }) => [id, data.changes])).toEqual([
    [
      "4",
      [
        { op: "delete", key: "Mesh//one" },
        { op: "delete", key: "Secret/one/s" },
        { op: "delete", key: "TrafficRoute/one/r" },
      ],
    ],
  ]);
});

test("the last word of a change set counts", async () => {
  await submit(put("Mesh", "", "one"), put("TrafficRoute", "one", "kept"));
  await submit(
    put("TrafficRoute", "one", "lost"),
    put("TrafficRoute", "one", "kept", { spec: { of: "first" } }),
    del("Mesh", "", "one"),
    put("Mesh", "", "one", { spec: { of: "second" } }),
    put("TrafficRoute", "one", "kept", { spec: { of: "last" } }),
  );
  const { events } = await read("?after=1", 1);
  expect(events[0]!.data.changes).toEqual([
    { op: "put", key: "Mesh//one", resource: { type: "Mesh", name: "one", spec: { of: "second" } } },
    { op: "put", key: "TrafficRoute/one/kept", resource: expect.objectContaining({ spec: { of: "last" } }) },
  ]);
});

test.each([
  ["kind=Timeout,Mesh", ["Mesh//one", "Mesh//two", "Timeout/one/t", "Timeout/two/t"]],
  ["mesh=one", ["Mesh//one", "TrafficRoute/one/r", "Timeout/one/t"]],
  ["mesh=one&kind=TrafficRoute", ["TrafficRoute/one/r"]],
  ["name=t&name=r", ["TrafficRoute/one/r", "Timeout/one/t", "Timeout/two/t"]],
  ["zone=east", ["Timeout/two/t"]],
])("filter %s", async (query, keys) => {
  await submit(
    put("Mesh", "", "one"),
    put("Mesh", "", "two"),
    put("TrafficRoute", "one", "r"),
    put("Timeout", "one", "t"),
    put("Timeout", "two", "t", { labels: { "kuma.io/zone": "east" } }),
  );
  const { events } = await read(`?after=0&${query}`, 1);
  expect(events[0]!.data.changes.map(({ key }: { key: string }) => key)).toEqual(keys);
});

test("what a filter leaves out moves the position on, so that who comes again need not read it again", async () => {
  await submit(put("Mesh", "", "one"));
  for (let i = 0; i < 250; i++) await submit(put("TrafficRoute", "one", "r", { spec: { i } }));
  await submit(put("Timeout", "one", "t"));
  const { ids } = await read("?after=0&kind=Timeout", 1);
  expect(ids).toEqual(["0", "100", "200", "252"]);
});

test("contents of secrets are never shown", async () => {
  await submit(put("Mesh", "", "one"), put("Secret", "one", "s", { spec: { sealed: "cGFzc3dvcmQ" } }));
  const { events } = await read("?after=0", 1);
  expect(JSON.stringify(events)).not.toContain("cGFzc3dvcmQ");
});

test("a reader that leaves leaves nothing behind", async () => {
  await submit(put("Mesh", "", "one"));
  await read("?after=0", 1);
  await expect.poll(() => config.watchers).toBe(0);
});

test.each([
  ["?after=soon", 400, "query parameter after: must be a revision"],
  ["?kind=Nonsense", 400, "query parameter kind: there is no kind"],
  ["?after=7", 404, ""],
])("%s answers %i", async (query, status, text) => {
  const answer = await fetch(`${url}/changes${query}`, { headers: { accept: "text/event-stream" } });
  expect(answer.status).toBe(status);
  expect(await answer.text()).toContain(text);
});

test("history that was given up is said with a status, and in the stream if it happens meanwhile", async () => {
  await submit(put("Mesh", "", "one"));
  const { changeSets } = config;
  config.changeSets = async () => Promise.reject(new HistoryError("revision 1 is no longer in the log"));
  const answer = await fetch(`${url}/changes?after=0`, { headers: { accept: "text/event-stream" } });
  expect([answer.status, await answer.text()]).toEqual([410, expect.stringContaining("no longer in the log")]);
  const { events } = await read("", 1, { then: () => submit(put("Mesh", "", "two")) });
  expect(events).toEqual([{ event: "gone", id: undefined, data: { detail: "revision 1 is no longer in the log" } }]);
  config.changeSets = changeSets;
});

test("only a client that takes event streams gets one", async () => {
  const answer = await fetch(`${url}/changes`, { headers: { accept: "application/json" } });
  expect([answer.status, await answer.text()]).toEqual([406, "406: Not Acceptable\n\nAvailable representations: text/event-stream"]);
});
