import { inEffectAt } from "@atoll/replica";
import type { Proxies } from "../src/index.ts";
import { expect, test } from "vitest";
import { dataplane, FakeZoneStore, mesh, planeWithMesh, timeout } from "./fake-plane.ts";

const proxies: Proxies = {
  inspect: async () => "",
  appliedRevisions: () => ({ east: { applied: 1, proxies: 2 }, west: { applied: 1, proxies: 1 } }),
  withheld: () => ({}),
  watchApplied: () => () => {},
};

async function planeWithZones() {
  const plane = await planeWithMesh({ proxies });
  for (const name of ["east", "west"]) await plane.request(`PUT /zones/${name}`, { type: "Zone", name });
  await plane.request("PUT /meshes/default/timeouts/slow", timeout("slow"));
  return plane;
}

const slower = timeout("slow", "default", { conf: { connectTimeout: "9s" } });
const body = { name: "slower", resources: [slower], stages: [{ zones: ["east"], gate: { minTime: "30s" } }, { zones: ["west"] }] };

test("a roll-out begins with its first stage; the configuration keeps what was there until it is done", async () => {
  const { request, config } = await planeWithZones();
  const begun = await request("POST /rollouts", { ...body, reason: "ticket 7" });
  expect(begun.status).toBe(201);
  expect(begun.body).toMatchObject({
    ...{ name: "slower", reason: "ticket 7", author: "mesh-system:admin", state: "running", progress: "stage 1 of 2", onFailure: "hold" },
    changes: ["Timeout/default/slow"],
    stages: [{ zones: ["east"], gate: { minTime: "30s" } }, { zones: ["west"] }],
    zones: [
      { name: "east", share: 100, proxies: 2, applied: 1 },
      { name: "west", share: 0, proxies: 1, applied: 1 },
    ],
  });
  expect(begun.body.warnings).toBeUndefined();
  expect((await request("GET /meshes/default/timeouts/slow")).body.conf.connectTimeout).toBe("1.500s");
  const status = (await request(`GET /revisions/${config.revision}/status`)).body;
  expect(status.zones.map(({ name, held }: { name: string; held?: string }) => [name, held])).toEqual([
    ["east", undefined],
    ["west", "has not come to it: roll-out slower, stage 1 of 2"],
  ]);
  expect((await request("POST /rollouts/slower/continue", { stage: 1 })).body.progress).toBe("stage 2 of 2");
  // Somebody else, who looked at it before.
  const late = await request("POST /rollouts/slower/continue", { stage: 1 });
  expect([late.status, late.body.detail]).toEqual([409, 'the roll-out "slower" is not at stage 1 any more: stage 2 of 2']);
  expect((await request("POST /rollouts/slower/continue", { reason: "looks good" })).body).toMatchObject({
    state: "done",
    progress: "done",
  });
  expect((await request("GET /meshes/default/timeouts/slow")).body.conf.connectTimeout).toBe("9s");
  expect((await request("GET /rollouts")).body.items.map(({ name }: { name: string }) => name)).toEqual(["slower"]);
  const [record] = (await request(`GET /revisions?from=${config.revision}`)).body.items;
  expect(record).toMatchObject({ reason: "roll-out slower: continue (looks good)", changed: ["Rollout//slower", "Timeout/default/slow"] });
});

test("what a roll-out changes is nobody else's to write, and it says whose; aborted, there is nothing of it", async () => {
  const { request, config } = await planeWithZones();
  await request("POST /rollouts", body);
  const said = 'Timeout/default/slow is changed by the roll-out "slower" (stage 1 of 2): continue or abort it first';
  for (const refused of [
    await request("PUT /meshes/default/timeouts/slow", slower),
    await request("DELETE /meshes/default/timeouts/slow"),
    await request("POST /changes", { resources: [slower] }),
    await request("POST /changes?dry_run=true", { resources: [slower] }),
    await request("POST /rollouts", { ...body, name: "other" }),
  ]) {
    expect([refused.status, refused.body.detail]).toEqual([409, said]);
  }
  expect((await request("POST /rollouts", body)).body.detail).toContain('the roll-out "slower" is under way');
  expect((await request("POST /rollouts/slower/hold", {})).body).toMatchObject({
    state: "held",
    why: "by hand",
    progress: "held at stage 1 of 2",
  });
  expect((await request("POST /rollouts/slower/hold", {})).status).toBe(409);
  const aborted = await request("POST /rollouts/slower/abort", { reason: "breaks checkout" });
  expect(aborted.body).toMatchObject({ state: "aborted", why: "breaks checkout", zones: [{ share: 0 }, { share: 0 }] });
  expect(inEffectAt("east", config).get("Timeout", "default", "slow")?.spec).toMatchObject({ conf: { connectTimeout: "1.500s" } });
  expect((await request("PUT /meshes/default/timeouts/slow", slower)).status).toBe(200);
  expect((await request("POST /rollouts/slower/continue", {})).body.detail).toBe('the roll-out "slower" has ended: aborted');
  expect((await request("POST /rollouts/none/abort", {})).status).toBe(404);
});

test.each([
  [{ stages: [] }, "stages", "must be a list of at least one stage"],
  [{ stages: [{ zones: ["south"] }] }, "stages[0].zones", 'there is no zone "south"'],
  [{ stages: [{ zones: ["east"], share: 0 }] }, "stages[0].share", "must be a number of percent, greater than 0 and at most 100"],
  [{ stages: [{ zones: ["east"], gate: { minTime: "soon" } }] }, "stages[0].gate.minTime", 'must be a duration, such as "30s"'],
  [
    { stages: [{ zones: ["east"], gate: { errors: [{ cluster: "web", maxPercent: 101 }] } }] },
    "stages[0].gate.errors[0].maxPercent",
    "must be a number from 0 to 100",
  ],
  [{ onFailure: "shrug" }, "onFailure", 'must be "hold" or "rollback"'],
  [{ name: "A b" }, "name", "must be lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit"],
])("%j is refused by its field", async (wrong, field, reason) => {
  const { request } = await planeWithZones();
  const refused = await request("POST /rollouts", { ...body, ...wrong });
  expect([refused.status, refused.body.invalid_parameters]).toEqual([400, [{ field, reason }]]);
});

test("tried, it is checked and foretold, and nothing begins", async () => {
  const { request, config } = await planeWithZones();
  const { revision } = config;
  const tried = await request("POST /rollouts?dry_run=true", body);
  expect([tried.status, tried.body]).toEqual([200, { revision, dryRun: true, changed: ["Timeout/default/slow"] }]);
  expect((await request("POST /rollouts?dry_run=true", { ...body, stages: [{ zones: ["south"] }] })).status).toBe(400);
  expect(config.revision).toBe(revision);
});

test("what all zones have alike has no stages, and what names are made of no shares", async () => {
  const { request } = await planeWithZones();
  const meshes = await request("POST /rollouts", { ...body, resources: [mesh("default", { mtls: {} })] });
  expect([meshes.status, meshes.body.detail]).toEqual([
    400,
    "Mesh//default cannot be changed in stages: all zones have the same at any time",
  ]);
  const bank = {
    type: "ExternalService",
    mesh: "default",
    name: "bank",
    tags: { "kuma.io/service": "bank" },
    networking: { address: "b:80" },
  };
  const shared = await request("POST /rollouts", { ...body, resources: [bank], stages: [{ zones: ["east"], share: 10 }] });
  expect(shared.body.invalid_parameters[0].field).toBe("stages[0].share");
});

test("two roll-outs may not have a share of the proxies of one zone each", async () => {
  const { request } = await planeWithZones();
  const stages = [{ zones: ["east"], share: 10 }, { zones: ["east"] }];
  expect((await request("POST /rollouts", { ...body, stages })).body.zones).toEqual([{ name: "east", share: 10, proxies: 2, applied: 1 }]);
  const second = await request("POST /rollouts", { name: "two", resources: [timeout("other")], stages });
  expect([second.status, second.body.detail]).toEqual([
    409,
    'the roll-out "slower" is under way (stage 1 of 2), and has a share of the proxies of the same zone: one at a time',
  ]);
  await request("POST /zones/west/pin", {});
  await request("PUT /zones/north", { type: "Zone", name: "north" });
  const third = await request("POST /rollouts", { name: "two", resources: [timeout("other")], stages: [{ zones: ["east"] }] });
  expect([third.status, third.body.warnings]).toEqual([
    201,
    ["zone north is in no stage: it has the change when the last stage is passed", "zone west is pinned: it does not take part"],
  ]);
});

test("a zone is pinned as it is, or at a revision, and released; who writes meanwhile is told", async () => {
  const { request, config } = await planeWithZones();
  const timeoutIn = (zone: string) =>
    inEffectAt(zone, config).get<{ conf: { connectTimeout: string } }>("Timeout", "default", "slow")?.spec.conf.connectTimeout;
  const [first] = [config.revision];
  await request("PUT /meshes/default/timeouts/slow", slower);
  const second = config.revision;
  expect((await request("POST /zones/west/pin", { reason: "fair" })).body).toMatchObject({
    zone: "west",
    revision: second,
    reason: "fair",
    held: [],
  });
  const third = await request("PUT /meshes/default/timeouts/slow", timeout("slow", "default", { conf: { connectTimeout: "3s" } }));
  expect(third.body.warnings).toEqual([`zone west does not take it: pinned at revision ${second}`]);
  expect(["east", "west"].map(timeoutIn)).toEqual(["3s", "9s"]);
  expect((await request(`GET /revisions/${config.revision}/status`)).body.zones[1]).toMatchObject({ held: `pinned at revision ${second}` });
  expect((await request("GET /zone-pins")).body.items).toMatchObject([{ zone: "west", held: ["Timeout/default/slow"] }]);

  // Back to before the first change, and from there to where there was none.
  expect((await request("POST /zones/west/pin", { revision: first })).body).toMatchObject({ revision: first });
  expect(timeoutIn("west")).toBe("1.500s");
  expect((await request("POST /zones/east/pin", { revision: first - 1 })).body).toMatchObject({ zone: "east", revision: first - 1 });
  expect(["east", "west"].map(timeoutIn)).toEqual([undefined, "1.500s"]);

  expect((await request("POST /zones/west/release", {})).status).toBe(200);
  expect(timeoutIn("west")).toBe("3s");
  expect((await request("POST /zones/west/release", {})).status).toBe(404);
  expect((await request("POST /zones/south/pin", {})).status).toBe(404);
  // With a zone ends what was decided for it.
  await request("PUT /zones/south", { type: "Zone", name: "south" });
  expect((await request("POST /zones/south/pin", {})).status).toBe(200);
  expect((await request("DELETE /zones/south")).status).toBe(200);
  expect((await request("GET /zone-pins")).body.items.map(({ zone }: { zone: string }) => zone)).toEqual(["east"]);
  expect((await request("POST /zones/east/pin", { revision: 10_000 })).status).toBe(404);
  const user = { headers: { authorization: "Bearer user-token" }, remoteAddress: "10.0.0.1" };
  expect((await request("POST /zones/west/pin", {}, user)).status).toBe(403);
});

test("what acts on a dataplane is what holds for it in its zone", async () => {
  const { request, zones } = await planeWithZones();
  for (const zone of ["east", "west"]) {
    const store = new FakeZoneStore();
    const {
      type,
      mesh: of,
      name,
      ...spec
    } = dataplane("web-1", {
      networking: {
        address: "10.0.0.1",
        inbound: [{ port: 8080, tags: { "kuma.io/service": "x" } }],
        outbound: [{ port: 1000, tags: { "kuma.io/service": "y" } }],
      },
    });
    await store.put({ type, mesh: of, name, spec });
    zones.set(zone, store);
  }
  await request("POST /zones/west/pin", {});
  await request("DELETE /meshes/default/timeouts/slow");
  const { items } = (await request("GET /meshes/default/dataplanes")).body;
  const acting = async (zone: string) => {
    const shown = items.find(({ labels }: { labels: Record<string, string> }) => labels["kuma.io/zone"] === zone).name;
    return (await request(`GET /meshes/default/dataplanes/${shown}/policies`)).text.includes('"slow"');
  };
  expect([await acting("east"), await acting("west")]).toEqual([false, true]);
});
