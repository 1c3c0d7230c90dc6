import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { mesh, MeshBed, openMesh } from "./mesh-bed.ts";

// Who is ready, online or registered decides who is called, and nothing else. The tests build on each other.
let bed: MeshBed;
let solo: Backend;
let far: Backend;
const web = 0;
const soloPort = 1;
const farPort = 2;
/** Longer than anything here may take that is not about it. */
const deregistrationDelayMs = 8_000;

beforeAll(async () => {
  bed = await MeshBed.start(28_250, { env: { ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: String(deregistrationDelayMs) } });
  for (const document of [mesh("default"), ...openMesh()]) await bed.atoll.apply(document);
  const probe = { tcp: {}, interval: "1s", timeout: "1s" };
  const [, , one, other] = await Promise.all([
    bed.service("web", "web-east"),
    bed.service("web", "web-west", { zone: "west" }),
    bed.service("solo", "solo-1", { probe }),
    bed.service("far", "far-1", { zone: "west", probe }),
    bed.zoneProxy("ZoneIngress", "ingress-1", "west"),
  ]);
  [solo, far] = [one.app, other.app];
  await bed.service("caller", "caller-1", { outbound: { [web]: "web", [soloPort]: "solo", [farPort]: "far" } });
  for (const number of [web, soloPort, farPort]) await bed.answers(number, 200);
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

/** From the first such answer on every request is answered with the status, and none is cut off. */
async function staysAt(number: number, status: number): Promise<void> {
  await bed.answers(number, status);
  for (let round = 0; round < 20; round++) {
    expect((await bed.get(number)).status).toBe(status);
  }
}

test("the only instance is not ready, here or in another zone: 503 from a listener that is still HTTP", async () => {
  await Promise.all([solo.stop(), far.stop()]);
  for (const number of [soloPort, farPort]) {
    await eventually(async () => (await bed.get(number)).text.includes("no healthy upstream"), { limitMs: 20_000, everyMs: 50 });
    await staysAt(number, 503);
  }
});

test("the last instance here is killed: requests go to the other zone at once, long before it is deregistered", async () => {
  await eventually(async () => Object.keys(await bed.shares(web, 10)).length === 2, { limitMs: 20_000 });
  const began = performance.now();
  await bed.atoll.killProxy("web-east");
  await eventually(async () => expect(await bed.shares(web, 20)).toEqual({ "web-west": 20 }), {
    limitMs: deregistrationDelayMs / 2,
    everyMs: 20,
  });
  expect(performance.now() - began).toBeLessThan(deregistrationDelayMs / 2);
});

test("the only instance is deregistered: still 503", async () => {
  await Promise.all([bed.atoll.killProxy("solo-1"), bed.atoll.killProxy("far-1")]);
  const listed = async () => (await bed.atoll.call("/meshes/default/dataplanes")).text;
  await eventually(async () => !/solo-1|far-1/.test(await listed()), { limitMs: 30_000 });
  for (const number of [soloPort, farPort]) await staysAt(number, 503);
});
