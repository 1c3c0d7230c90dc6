import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connection, mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { jsonHeaders } from "./rest.ts";

// What a change would do to the proxies of every zone, and what it then did. Real Envoys in two zones; the tests build on each other.
let bed: MeshBed;

interface Fleet {
  zones: Record<string, { proxies: number; changed: number }>;
  groups: {
    proxies: { zone: string; name: string }[];
    resources: { type: string; name: string; change: string; after?: unknown }[];
    effects: Record<string, unknown>;
  }[];
  unbuilt: unknown[];
}

beforeAll(async () => {
  bed = await MeshBed.start(32_250, { zones: ["east", "west", "north"] });
  for (const document of [mesh("default"), ...openMesh()]) await bed.atoll.apply(document);
  await Promise.all([
    bed.zoneProxy("ZoneIngress", "ingress-1", "west"),
    bed.service("web", "web-1", { zone: "west" }),
    bed.service("caller", "caller-1", { outbound: { 20: "web" } }),
    bed.service("caller", "caller-2", { outbound: { 21: "web" } }),
    bed.service("other", "other-1", { zone: "north" }),
  ]);
  for (const number of [20, 21]) await bed.answers(number, 200);
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

const change = async (body: object, query: string) =>
  bed.atoll.call(`/changes${query}`, { method: "POST", headers: jsonHeaders, body: JSON.stringify(body) });
const namesOf = (fleet: Fleet) => fleet.groups.map(({ proxies }) => proxies.map(({ zone, name }) => `${zone}/${name}`).sort()).sort();
const slow = connection("Timeout", "slow", { to: "web", conf: { connectTimeout: "7s" } });

test("what is foretold of a change is what the fleet then differs by, byte for byte; until it is made nobody has any of it", async () => {
  const before = await bed.atoll.replica("global");
  const tried = await change({ resources: [slow] }, "?dry_run=true&proxies=true");
  expect(tried.status).toBe(200);
  const { fleet, changed } = tried.json<{ fleet: Fleet; changed: string[] }>();
  expect(changed).toEqual(["Timeout/default/slow"]);
  expect(fleet.zones).toMatchObject({
    east: { proxies: 2, changed: 2 },
    west: { proxies: 2, changed: 0 },
    north: { proxies: 1, changed: 0 },
  });
  // Both callers change alike.
  expect(namesOf(fleet)).toEqual([["east/caller-1", "east/caller-2"]]);
  expect(await bed.atoll.replica("global")).toEqual(before);

  const revision = await bed.atoll.apply(slow);
  const diff = await bed.atoll.call(`/diff?from=${revision - 1}&to=${revision}&proxies=true`);
  expect(diff.json<{ fleet: Fleet }>().fleet).toEqual(fleet);
  const wait = await bed.atoll.call(`/revisions/${revision}/status?wait=applied`);
  expect(wait.json<{ done: boolean }>().done).toBe(true);
  const dump = await bed.atoll.call(`/meshes/default/dataplanes/${await nameOnGlobal("caller-1")}/xds`);
  expect(dump.text).toContain('"connect_timeout": "7s"');
});

test("the way back, foretold: a roll-back that is tried changes nothing", async () => {
  const { revision } = await bed.atoll.replica("global");
  const tried = await bed.atoll.call(`/revisions/${revision - 1}/rollback?dry_run=true&proxies=true`, {
    method: "POST",
    headers: jsonHeaders,
    body: "{}",
  });
  const { fleet, changed } = tried.json<{ fleet: Fleet; changed: string[] }>();
  expect(changed).toEqual(["Timeout/default/slow"]);
  expect(namesOf(fleet)).toEqual([["east/caller-1", "east/caller-2"]]);
  expect((await bed.atoll.replica("global")).revision).toBe(revision);
});

test("a proxy as it was, or would have been: its configuration and what made it, by revision", async () => {
  const { revision } = await bed.atoll.replica("global");
  const path = `/meshes/default/dataplanes/${await nameOnGlobal("caller-1")}`;
  const timeoutAt = async (at: string) => {
    const answer = await bed.atoll.call(`${path}/_config${at}`);
    const { xds } = answer.json<{ xds: Record<string, Record<string, { connectTimeout?: string }>> }>();
    return [answer.headers["atoll-at-revision"], xds["type.googleapis.com/envoy.config.cluster.v3.Cluster"]!["web"]!.connectTimeout];
  };
  expect(await timeoutAt(`?revision=${revision - 1}`)).toEqual([String(revision - 1), "5s"]);
  expect(await timeoutAt(`?revision=${revision}`)).toEqual([String(revision), "7s"]);
  expect(await timeoutAt("")).toEqual([undefined, "7s"]);
  const told = await bed.atoll.call(`${path}/_explain?revision=${revision - 1}`);
  expect(told.json<{ revision: number }>().revision).toBe(revision - 1);
  expect(told.text).not.toContain('"slow"');
  expect((await bed.atoll.call(`${path}/_explain`)).text).toContain('"slow"');
  expect((await bed.atoll.call(`${path}/_explain?revision=${revision + 1}`)).status).toBe(404);
});

test("who would be denied is said before anybody is", async () => {
  const closed = connection("TrafficPermission", "allow-all", { from: "nobody" });
  const { fleet } = (await change({ resources: [closed] }, "?dry_run=true&proxies=true")).json<{ fleet: Fleet }>();
  const called = fleet.groups.find(({ proxies }) => proxies.some(({ name }) => name === "web-1"))!;
  expect(called.effects).toMatchObject({ denied: [{ principals: ["*"] }] });
  await bed.answers(20, 200);
});

test("atollctl says it in lines", async () => {
  const atollctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));
  const file = join(bed.atoll.stack.workDir, "slower.yaml");
  writeFileSync(file, JSON.stringify({ ...slow, conf: { connectTimeout: "9s" } }));
  await using run = await startProcess(atollctl, ["--address", bed.atoll.stack.url, "apply", "-f", file, "--dry-run=server"]);
  expect(await run.exited).toBe(0);
  expect(run.output()).toContain("zone east: 2 of 2 proxies change\n");
  expect(run.output()).toContain("zone north: 0 of 1 proxies change\n");
  expect(run.output()).toMatch(/- connectTimeout: 7s\n\s+\+ connectTimeout: 9s/);
});

test("a zone tells of its own proxies; one that is away does not keep the others from telling", async () => {
  const { revision } = await bed.atoll.replica("global");
  const own = bed.atoll.zone("east").url;
  const answer = await fetch(`${own}/diff?from=${revision - 1}&to=${revision}&proxies=true`);
  expect(((await answer.json()) as { fleet: Fleet }).fleet.zones).toEqual({ east: { proxies: 2, changed: 2 } });
  await bed.atoll.zone("north").sync.kill();
  await eventually(
    async () => {
      const { fleet } = (await change({ resources: [{ ...slow, conf: { connectTimeout: "3s" } }] }, "?dry_run=true&proxies=true")).json<{
        fleet: Fleet;
      }>();
      expect(fleet.zones["north"]).toEqual({ error: expect.stringContaining("north") });
      expect(fleet.zones["east"]).toEqual({ proxies: 2, changed: 2 });
      return true;
    },
    { limitMs: 20_000 },
  );
});

async function nameOnGlobal(name: string): Promise<string> {
  const { items } = (await bed.atoll.call(`/meshes/default/dataplanes?name=${name}`)).json<{ items: { name: string }[] }>();
  return items[0]!.name;
}
