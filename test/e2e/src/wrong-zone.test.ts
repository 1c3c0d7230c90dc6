import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { freePort } from "@atoll/testkit/free-port";
import { type StartedProcess, startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonHeaders, rest, TestStack } from "./index.ts";

// A zone that global refuses for good serves what it has, says so, and takes nothing of another zone's for its own.
let atoll: TestStack;
let folder: string;
const ports = { api: 0, diagnostics: 0 };

beforeAll(async () => {
  atoll = await TestStack.start(28_500);
  folder = join(atoll.stack.workDir, "zone-north");
  mkdirSync(folder);
  for (const name of ["api", "diagnostics"] as const) ports[name] = await freePort();
}, 120_000);

afterAll(() => atoll?.close(), 60_000);

async function tokenOf(zone: string): Promise<string> {
  const body = JSON.stringify({ zone, scope: ["cp"], validFor: "1h" });
  const answer = await atoll.call("/tokens/zone", { method: "POST", headers: jsonHeaders, body });
  expect(answer.status).toBe(200);
  return answer.text;
}

function startZone(zone: string, token: string): Promise<StartedProcess> {
  writeFileSync(join(folder, "token"), token);
  return startProcess(fileURLToPath(new URL("../../../bin/atoll", import.meta.url)), ["run", "zone"], {
    env: {
      ATOLL_GENERAL_WORK_DIR: folder,
      ATOLL_MULTIZONE_ZONE_NAME: zone,
      ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${atoll.stack.ports.kds}`,
      ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE: join(atoll.stack.workDir, "global", "tls.crt"),
      ATOLL_MULTIZONE_ZONE_TOKEN_FILE: join(folder, "token"),
      ATOLL_API_SERVER_HTTP_PORT: String(ports.api),
      ATOLL_API_SERVER_HTTPS_ENABLED: "false",
      ATOLL_RELAY_PORT: "0",
      ATOLL_MONITORING_ASSIGNMENT_SERVER_PORT: "0",
      ATOLL_DIAGNOSTICS_SERVER_PORT: String(ports.diagnostics),
    },
  });
}

/** What `/readyz` says, status first; "" while nobody listens. */
const readiness = async () => {
  const answer = await rest(`http://127.0.0.1:${ports.diagnostics}/readyz`).catch(() => undefined);
  return answer === undefined ? "" : `${answer.status} ${answer.text.trim()}`;
};
const revision = async () => (await rest(`http://127.0.0.1:${ports.diagnostics}/debug/replica`)).json<{ revision: number }>().revision;
const meshes = async () =>
  (await rest(`http://127.0.0.1:${ports.api}/meshes`)).json<{ items: { name: string }[] }>().items.map(({ name }) => name);

test("with another zone's token it is not ready, says why, follows nothing, and is back with its own", async () => {
  const before = await atoll.apply({ type: "Mesh", name: "before" });
  {
    await using zone = await startZone("north", await tokenOf("north"));
    await eventually(async () => (await readiness()) === "200 ready" && (await revision()) >= before, { limitMs: 30_000 });
    expect(zone.output()).not.toContain("refuses");
  }
  await using zone = await startZone("north", await tokenOf("west"));
  const refused = 'the token is for zone "west", this process is zone "north"';
  await eventually(async () => (await readiness()).startsWith("503 global refuses this zone"), { limitMs: 30_000 });
  expect(await readiness()).toBe(`503 global refuses this zone, which serves what it has: ${refused}`);
  await eventually(async () => (await rest(`http://127.0.0.1:${ports.api}/`)).status === 200, { limitMs: 10_000 });
  const missed = await atoll.apply({ type: "Mesh", name: "missed" });
  await atoll.reaches("zone-east", missed);
  // It reads global's log no more than it may register there.
  expect(await meshes()).toContain("before");
  expect(await meshes()).not.toContain("missed");
  expect(zone.output()).toContain(JSON.stringify(refused).slice(1, -1));

  writeFileSync(join(folder, "token"), await tokenOf("north"));
  await eventually(async () => (await readiness()) === "200 ready" && (await revision()) >= missed, { limitMs: 30_000 });
  expect(await meshes()).toContain("missed");
});

test("on another zone's folder it does not start, with a good token of its own", async () => {
  await using zone = await startZone("south", await tokenOf("south"));
  expect(await zone.exited).toBe(1);
  const says = `general.workDir: ${folder} holds the records of zone "north", and multizone.zone.name is "south": give each zone a folder of its own`;
  expect(zone.output()).toContain(JSON.stringify(says).slice(1, -1));
  expect((await atoll.call("/zones/south")).status).toBe(404);
});
