import { expect, test } from "vitest";
import { type AppliedRevision, type Proxies, appliedRevisionOf } from "../src/index.ts";
import { FakeZoneStore, planeWithMesh, timeout } from "./fake-plane.ts";

/** Proxies of two zones whose progress the test decides. */
function fakeProxies() {
  const zones: Record<string, AppliedRevision> = { east: { applied: 0, proxies: 2 }, west: { applied: null, proxies: 0 } };
  const listeners = new Set<() => void>();
  const proxies: Proxies = {
    inspect: async () => "{}",
    appliedRevisions: () => zones,
    watchApplied: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const report = (zone: string, applied: number) => {
    zones[zone] = { applied, proxies: 2 };
    for (const listener of [...listeners]) listener();
  };
  return { proxies, listeners, report };
}

test("a write that waits is answered when every live proxy of every zone has acknowledged it", async () => {
  const { proxies, listeners, report } = fakeProxies();
  const { request, config } = await planeWithMesh({ proxies });
  let answered = false;
  const answer = request("PUT /meshes/default/timeouts/t?wait=applied&timeout=30s", timeout("t")).finally(() => (answered = true));
  while (listeners.size === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(config.revision).toBe(2);
  report("east", 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  report("east", 2);
  expect(await answer).toMatchObject({ status: 201, text: "{}\n", headers: { "atoll-applied": "true", "atoll-revision": "2" } });
  expect(listeners.size).toBe(0);
});

test("when time is up the write stands, and the answer names who is behind", async () => {
  const { proxies, listeners } = fakeProxies();
  const { request, config } = await planeWithMesh({ proxies });
  const answer = await request("PUT /meshes/default/timeouts/t?wait=applied&timeout=5ms", timeout("t"));
  expect(answer).toMatchObject({ status: 201, headers: { "atoll-applied": "false" } });
  expect(answer.body.warnings).toEqual(["revision 2 is not applied in zone east: its 2 proxies are at 0"]);
  expect(config.get("Timeout", "default", "t")).toBeDefined();
  expect(listeners.size).toBe(0);
  const status = await request("GET /revisions/2/status?wait=applied&timeout=0s");
  expect(status.body).toEqual({
    revision: 2,
    done: false,
    zones: [
      { name: "east", proxies: 2, applied: 0, done: false },
      { name: "west", proxies: 0, applied: null, done: true },
    ],
  });
});

test.each([
  ["wait=sent", 'query parameter wait: must be "applied"'],
  ["wait=applied&timeout=soon", "query parameter timeout: must be a duration"],
  ["wait=applied&timeout=1h", "query parameter timeout: must be between 0s and 10m"],
])("a wait that is not understood (%s) is refused before anything is written", async (query, says) => {
  const { request, config } = await planeWithMesh();
  for (const line of [`PUT /meshes/default/timeouts/t?${query}`, `POST /changes?${query}`]) {
    const { status, body } = await request(line, line.startsWith("PUT") ? timeout("t") : { resources: [timeout("t")] });
    expect({ status, detail: body.detail }).toEqual({ status: 400, detail: expect.stringContaining(says) });
  }
  expect((await request(`DELETE /meshes/default?${query}`)).status).toBe(400);
  expect(config.revision).toBe(1);
});

test("several servers of a zone count as one: the lowest revision, all their proxies", async () => {
  const zone = new FakeZoneStore();
  expect(appliedRevisionOf(zone)).toEqual({ applied: null, proxies: 0 });
  const reports: [string, AppliedRevision][] = [
    ["xds-1", { applied: 7, proxies: 3 }],
    ["xds-2", { applied: 5, proxies: 1 }],
    ["xds-3", { applied: null, proxies: 0 }],
  ];
  for (const [name, spec] of reports) await zone.put({ type: "ProxyStatus", mesh: "", name, spec });
  expect(appliedRevisionOf(zone)).toEqual({ applied: 5, proxies: 4 });
});
