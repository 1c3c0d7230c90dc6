import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess } from "@atoll/testkit/process";
import type { RolloutAnswer } from "@atoll/rest-answers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeFailures, Load } from "./index.ts";
import { connection, mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { jsonHeaders } from "./rest.ts";

// Change sets that take effect in stages, and zones that stay where they are: real Envoys in three zones. One of the changes is what an Envoy
// of the second zone refuses, so a NACK there is no failure. The tests build on each other.
let bed: MeshBed;
const zones = ["east", "west", "north"] as const;
type Zone = (typeof zones)[number];
/** Ports on which callers reach the service of their zone: one in each zone, and in east three more. */
const ports: Record<Zone, number> = { east: 20, west: 30, north: 40 };
const eastCallers = { 20: "caller-east", 21: "caller-b", 22: "caller-c", 23: "caller-d" };

beforeAll(async () => {
  bed = await MeshBed.start(18_250, { zones });
  for (const document of [mesh("default"), ...openMesh(), patch("v1")]) await bed.atoll.apply(document);
  const caller = (zone: Zone, name: string, port: number) =>
    bed.service(name, name, {
      zone,
      tags: { role: "caller", ...(zone !== "east" && { strict: "very" }) },
      outbound: { [port]: `web-${zone}` },
    });
  await Promise.all([
    ...zones.map((zone) => bed.service(`web-${zone}`, `web-${zone}`, { zone })),
    ...zones.map((zone) => caller(zone, `caller-${zone}`, ports[zone])),
    ...([21, 22, 23] as const).map((port) => caller("east", eastCallers[port], port)),
  ]);
  await everywhere({ east: "v1", west: "v1", north: "v1" });
}, 120_000);

afterAll(() => bed?.close(), 60_000);

const lua = (inlineString: string) =>
  JSON.stringify({
    name: "envoy.filters.http.lua",
    typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua", defaultSourceCode: { inlineString } },
  });
const proxyPatch = (name: string, tags: Record<string, string>, script: string) => ({
  type: "MeshProxyPatch",
  mesh: "default",
  name,
  spec: {
    targetRef: { kind: "MeshSubset", tags },
    default: { appendModifications: [{ httpFilter: { operation: "AddFirst", value: lua(script) } }] },
  },
});
/** Callers add a header to what they are answered. */
function patch(version: string) {
  return proxyPatch(
    "version",
    { role: "caller" },
    `function envoy_on_response(handle) handle:headers():replace("x-version", "${version}") end`,
  );
}
/** No Envoy takes it, and only those of west and north are given it. */
const refused = proxyPatch("picky", { strict: "very" }, "this is no script");

const versionAt = async (port: number) => (await bed.get(port)).headers["x-version"];

/** Callers of the zones have come to these versions. */
const everywhere = (wanted: Partial<Record<Zone, string>>) =>
  eventually(
    async () => {
      for (const [zone, version] of Object.entries(wanted)) {
        const all = zone === "east" ? Object.keys(eastCallers).map(Number) : [ports[zone as Zone]];
        for (const port of all) expect([zone, port, await versionAt(port)]).toEqual([zone, port, version]);
      }
      return true;
    },
    { limitMs: 40_000, everyMs: 20 },
  );

const post = async <Answer>(path: string, body: object = {}): Promise<Answer> => {
  const answer = await bed.atoll.call(path, { method: "POST", headers: jsonHeaders, body: JSON.stringify(body) });
  if (answer.status > 201) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json<Answer>();
};
const rollout = async (name: string) => (await bed.atoll.call(`/rollouts/${name}`)).json<RolloutAnswer>();
const reaches = (name: string, progress: string, limitMs = 20_000) =>
  eventually(
    async () => {
      const now = await rollout(name);
      expect(now.progress, JSON.stringify(now.waits)).toBe(progress);
      return now;
    },
    { limitMs, everyMs: 10 },
  );
const oneByOne = zones.map((zone) => ({ zones: [zone] }));
const faults = async () => (await bed.atoll.call("/quarantine")).json<{ items: { zone: string; resources: string[] }[] }>().items;
/** A filter that changes replaces its listener. */
const loads = () => zones.map((zone) => new Load(`http://127.0.0.1:${bed.port(ports[zone])}/`, 50, { keepAlive: false }));

async function atollctl(...args: string[]): Promise<{ status: number | string; output: string }> {
  const bin = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));
  await using run = await startProcess(bin, ["--address", bed.atoll.stack.url, ...args]);
  return { status: await run.exited, output: run.output() };
}

test("a good change goes from some proxies of a zone to all of it, and from zone to zone, by itself; nobody loses a request", async () => {
  const load = loads();
  // The first stage waits for somebody to look; those after it last as long as they are told.
  await post("/rollouts", {
    name: "good",
    resources: [patch("v2")],
    stages: [
      { zones: ["east"], share: 50, gate: { minTime: "10m" } },
      ...oneByOne.map((stage) => ({ ...stage, gate: { minTime: "300ms" } })),
    ],
  });
  // By their names and that of the roll-out, wherever and whenever it is asked.
  const inShare = (port: number) => port === 21 || port === 22;
  const split = () =>
    eventually(
      async () => {
        for (const port of Object.keys(eastCallers).map(Number))
          expect([port, await versionAt(port)]).toEqual([port, inShare(port) ? "v2" : "v1"]);
        return true;
      },
      { limitMs: 15_000 },
    );
  await split();
  await everywhere({ west: "v1", north: "v1" });

  const { revision: begun } = await rollout("good");
  const diff = (await bed.atoll.call(`/diff?from=${begun - 1}&to=${begun}&proxies=true`)).json<{
    fleet: { zones: Record<string, { changed: number }>; groups: { proxies: { name: string }[] }[] };
  }>();
  expect(diff.fleet.groups.flatMap(({ proxies }) => proxies.map(({ name }) => name)).toSorted()).toEqual(["caller-b", "caller-c"]);
  expect(diff.fleet.zones).toMatchObject({ east: { changed: 2 }, west: { changed: 0 }, north: { changed: 0 } });

  // Whoever begins anew makes of the log what was there before.
  await bed.atoll.zone("east").xds.kill();
  await bed.atoll.zone("east").sync.kill();
  await bed.atoll.zone("east").sync.start();
  await bed.atoll.zone("east").xds.start();
  await split();

  expect((await atollctl("rollout", "status", "good")).output).toMatch(/roll-out good: stage 1 of 4.*\nwaits for its time: until /s);
  expect((await atollctl("rollout", "continue", "good", "--reason", "looks good")).output).toContain("roll-out good: stage 2 of 4");
  const waited = await atollctl("rollout", "wait", "good", "--timeout", "30s");
  expect(waited.output).toContain("roll-out good: done");
  expect(waited.status).toBe(0);
  await everywhere({ east: "v2", west: "v2", north: "v2" });
  const { steps, revision } = await rollout("good");
  expect(steps.map(({ state }) => state)).toEqual(["running", "running", "running", "running", "done"]);
  for (const [index, step] of steps.entries()) {
    if (index >= 2) expect(Date.parse(step.at) - Date.parse(steps[index - 1]!.at)).toBeGreaterThanOrEqual(300);
  }
  await bed.atoll.applied(revision);
  for (const one of load) expect(describeFailures((await one.stop()).failed)).toEqual([]);
}, 90_000);

test("what an Envoy of the second zone refuses holds it there within a second; the third zone never sees it; abort brings the second back", async () => {
  const load = loads();
  await post("/rollouts", { name: "bad", reason: "ticket 7", resources: [patch("v3"), refused], stages: oneByOne });
  const held = await reaches("bad", "held at stage 2 of 3");
  expect(held.why).toMatch(/^zone west: 1 proxy goes without modification.* of MeshProxyPatch\/default\/picky: .*script load error/);
  const at = (index: number) => Date.parse(held.steps[index]!.at);
  expect(held.steps.map(({ state }) => state)).toEqual(["running", "running", "held"]);
  expect(at(2) - at(1)).toBeLessThan(1_000);
  // The rest of the change is in effect where it has come.
  await everywhere({ east: "v3", west: "v3", north: "v2" });
  expect((await faults()).map(({ zone, resources }) => [zone, resources])).toEqual([["west", ["MeshProxyPatch/default/picky"]]]);

  // What is told of it is what was decided, and not that somebody is late.
  const begun = (await bed.atoll.call(`/revisions/${held.revision}/status`)).json<{
    done: boolean;
    zones: { name: string; held?: string }[];
  }>();
  expect(begun.zones.find(({ name }) => name === "north")!.held).toBe("has not come to it: roll-out bad, held at stage 2 of 3");
  expect((await atollctl("wait", String(held.revision))).output).toMatch(
    /north .*yes +has not come to it: roll-out bad, held at stage 2 of 3/,
  );
  const explained = await atollctl("inspect", "dataplane", await nameOnGlobal("caller-west"), "--explain");
  expect(explained.output).toContain("DECIDED the roll-out bad has come to this zone");
  expect((await atollctl("inspect", "dataplane", await nameOnGlobal("caller-north"), "--explain")).output).not.toContain("DECIDED");
  const refusedWrite = await bed.atoll.put(patch("v9"));
  expect([refusedWrite.status, refusedWrite.text]).toEqual([409, expect.stringContaining('is changed by the roll-out \\"bad\\"')]);
  const listed = await atollctl("rollout", "list");
  expect(listed.output).toMatch(/bad +held +held at stage 2 of 3/);

  expect((await atollctl("rollout", "abort", "bad")).output).toMatch(/^roll-out bad: aborted, revision \d+\n$/);
  await everywhere({ east: "v2", west: "v2", north: "v2" });
  await eventually(async () => expect(await faults()).toEqual([]), { limitMs: 10_000 });
  expect((await bed.atoll.nacks()).filter((nack) => nack.includes("xds-north"))).toEqual([]);
  for (const one of load) expect(describeFailures((await one.stop()).failed)).toEqual([]);
}, 60_000);

test("a gate that fails takes the change back by itself, where that was wanted", async () => {
  await post("/rollouts", { name: "careful", resources: [patch("v3"), refused], stages: oneByOne, onFailure: "rollback" });
  const ended = await reaches("careful", "rolled back");
  expect(ended.steps.map(({ state }) => state)).toEqual(["running", "running", "rolledBack"]);
  await everywhere({ east: "v2", west: "v2", north: "v2" });
  await eventually(async () => expect(await faults()).toEqual([]), { limitMs: 10_000 });
}, 60_000);

test("Envoy's own counters hold a change that makes requests fail", async () => {
  const abort = connection("FaultInjection", "outage", {
    to: { "kuma.io/service": "web-east", "kuma.io/protocol": "http" },
    conf: { abort: { httpStatus: 503, percentage: 100 } },
  });
  const load = new Load(`http://127.0.0.1:${bed.port(ports.east)}/`, 40);
  await post("/rollouts", {
    name: "failing",
    resources: [abort],
    stages: [{ zones: ["east"], gate: { minTime: "8s", errors: [{ cluster: "web-east", maxPercent: 5 }] } }, { zones: ["west"] }],
  });
  const held = await reaches("failing", "held at stage 1 of 2");
  expect(held.why).toMatch(/^cluster web-east: \d+ of \d+ requests failed \(\d+\.\d%, at most 5% may\)$/);
  await post("/rollouts/failing/abort");
  await bed.answers(ports.east, 200);
  await load.stop();
  // The same stage with nothing that fails.
  const mild = connection("Timeout", "mild", { to: "web-east", conf: { connectTimeout: "9s" } });
  const steady = new Load(`http://127.0.0.1:${bed.port(ports.east)}/`, 40);
  await post("/rollouts", {
    name: "mild",
    resources: [mild],
    stages: [{ zones: ["east"], gate: { minTime: "1s", errors: [{ cluster: "web-east", maxPercent: 5 }] } }],
  });
  await reaches("mild", "done");
  await steady.stop();
}, 60_000);

test("a pinned zone keeps what it has; endpoints move, and a revoked token ends its stream; released, it has what all have", async () => {
  const before = (await bed.atoll.replica("global")).revision;
  expect((await atollctl("zone", "pin", "north", "--reason", "fair")).output).toBe(`zone north is pinned at revision ${before}\n`);
  const written = await bed.atoll.put(patch("v4"));
  expect(written.json<{ warnings: string[] }>().warnings).toContain(`zone north does not take it: pinned at revision ${before}`);
  await everywhere({ east: "v4", west: "v4", north: "v2" });
  expect((await atollctl("wait", String(written.revision))).output).toMatch(new RegExp(`north .*yes +pinned at revision ${before}`));
  expect((await atollctl("zone", "pins")).output).toMatch(/north .*fair +MeshProxyPatch\/default\/version/);
  expect((await atollctl("inspect", "dataplane", await nameOnGlobal("caller-north"), "--explain")).output).toContain(
    `DECIDED the zone is pinned at revision ${before}`,
  );

  await bed.service("web-north", "web-north-2", { zone: "north" });
  await eventually(async () => expect(await bed.shares(ports.north, 12)).toMatchObject({ "web-north-2": expect.any(Number) }), {
    limitMs: 15_000,
  });
  const streams = async () => {
    const all = await Promise.all(
      bed.atoll.zone("north").xdsDiagnostics.map(async (port) => (await fetch(`http://127.0.0.1:${port}/debug/streams`)).text()),
    );
    return all.join("\n");
  };
  expect(await streams()).toContain("default.web-north-2");
  await post("/tokens/revoke", { kind: "dataplane", mesh: "default", subject: "web-north-2" });
  await eventually(async () => expect(await streams()).not.toContain("default.web-north-2"), { limitMs: 15_000 });

  // It is the same after a restart.
  await bed.atoll.zone("north").xds.kill();
  await bed.atoll.zone("north").sync.kill();
  await bed.atoll.zone("north").sync.start();
  await bed.atoll.zone("north").xds.start();
  await everywhere({ north: "v2" });
  expect((await atollctl("zone", "release", "north")).output).toMatch(new RegExp(`^zone north goes on from revision ${before} to \\d+\n$`));
  await everywhere({ east: "v4", west: "v4", north: "v4" });
  await bed.atoll.stopProxy("web-north-2");
}, 90_000);

test("a zone is taken to a revision of the past, and back", async () => {
  const { steps, ...good } = await rollout("good");
  await post("/zones/west/pin", { revision: good.revision - 1 });
  expect(steps.at(-1)!.state).toBe("done");
  // One before the roll-out was done: there the configuration said v1, whatever zones had by then.
  await everywhere({ east: "v4", west: "v1", north: "v4" });
  await post("/zones/west/release");
  await everywhere({ west: "v4" });
}, 60_000);

test("global is killed in the middle of a roll-out, which goes on when it is back; each step is made once", async () => {
  await post("/rollouts", {
    name: "interrupted",
    resources: [patch("v5")],
    stages: oneByOne.map((stage) => ({ ...stage, gate: { minTime: "1500ms" } })),
  });
  await everywhere({ east: "v5" });
  await bed.atoll.stack.global.kill();
  await everywhere({ east: "v5", west: "v4", north: "v4" });
  await bed.atoll.stack.global.start();
  const done = await eventually(
    async () => {
      const now = await rollout("interrupted");
      expect(now.progress).toBe("done");
      return now;
    },
    { limitMs: 40_000 },
  );
  expect(done.steps.map(({ state, stage }) => `${state} ${stage}`)).toEqual(["running 1", "running 2", "running 3", "done 3"]);
  await everywhere({ east: "v5", west: "v5", north: "v5" });
}, 90_000);

async function nameOnGlobal(name: string): Promise<string> {
  const { items } = (await bed.atoll.call(`/meshes/default/dataplanes?name=${name}`)).json<{ items: { name: string }[] }>();
  return items[0]!.name;
}
