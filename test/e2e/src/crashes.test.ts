import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { get } from "@atoll/demo/measure";
import type { Service } from "@atoll/demo/service";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeFailures, Load, rest, stackKind, TestStack } from "./index.ts";

// What a crash of each process costs: nothing. Requests go through all four hops while global, a zone's sync service and its xDS
// servers are killed, one after the other.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(30_750);
  await atoll.startSample();
  await eventually(async () => (await edge("/orders")).status === 200, { limitMs: 20_000 });
  await eventually(async () => (await get(atoll.ports.paymentsEdgePort, "/")).status === 200, { limitMs: 20_000 });
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const edge = (path: string) => get(atoll.ports.edgePort, path);
const processes = ["global", "zone-east", "xds-east", "zone-west", "xds-west"] as const;

/** A route of east's gateway that answers with a redirect to `/<mark>`. */
const marker = (mark: string) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "marker",
  selectors: [{ match: { "kuma.io/service": "edge" } }],
  conf: {
    http: {
      rules: [
        {
          matches: [{ path: { match: "EXACT", value: "/marker" } }],
          filters: [{ redirect: { path: { replaceFull: `/${mark}` }, statusCode: 302 } }],
        },
      ],
    },
  },
});

/** Writes on global, and waits until east's Envoy serves by it. */
async function writeReachesEnvoy(mark: string): Promise<void> {
  await atoll.apply(marker(mark));
  await eventually(
    async () => {
      const answer = await edge("/marker");
      const location = String(answer.headers["location"]);
      if (!location.endsWith(`/${mark}`)) throw new Error(`${answer.status} ${location}`);
      return true;
    },
    { limitMs: 20_000 },
  );
}

/** All processes at the same revision with the same state. */
async function agree(): Promise<{ revision: number; checksum: string }> {
  const { revision } = await atoll.replica("global");
  const states = await Promise.all(processes.map((name) => atoll.reaches(name, revision)));
  expect(new Set(states.map((state) => `${state.revision} ${state.checksum}`)).size).toBe(1);
  return { revision, checksum: states[0]!.checksum };
}

async function underLoad(what: () => Promise<void>): Promise<void> {
  const load = new Load(`http://127.0.0.1:${atoll.ports.edgePort}/orders`, 100);
  const progress = async (count: number) => {
    const from = load.answered;
    await eventually(() => load.answered >= from + count, { limitMs: 30_000 });
  };
  await progress(50);
  await what();
  await progress(100);
  const { failed, requests } = await load.stop();
  expect(describeFailures(failed)).toEqual([]);
  expect(requests.length).toBeGreaterThan(150);
}

describe.each([
  ["global", () => atoll.stack.global],
  ["the zone service", () => atoll.zone("east").sync],
  ["the xDS server", () => atoll.zone("east").xds],
  ["the zone service of the other zone", () => atoll.zone("west").sync],
  ["the xDS server of the other zone", () => atoll.zone("west").xds],
] as [string, () => Service][])("kill -9 of %s under 100 requests a second", (_name, service) => {
  test("no request fails; its state is the same after the restart, and writes go on to Envoy", async () => {
    const before = await agree();
    await underLoad(async () => {
      await service().kill();
      // Down for as long as 100 requests take, at least.
      const load = new Load(`http://127.0.0.1:${atoll.ports.paymentsEdgePort}/`, 100);
      await eventually(() => load.answered >= 100, { limitMs: 30_000 });
      expect(describeFailures((await load.stop()).failed)).toEqual([]);
      await service().start();
      expect(await agree()).toEqual(before);
      await writeReachesEnvoy(`after-${service().name}`);
    });
    const after = await agree();
    expect(after.revision).toBeGreaterThan(before.revision);
    expect(after.checksum).not.toBe(before.checksum);
  });
});

test("proxies that were connected are registered and online once after all of it", async () => {
  await eventually(
    async () => {
      const overviews = (await atoll.call("/dataplanes/_overview")).json<{
        items: { name: string; dataplaneInsight?: { subscriptions: { connectTime: string; disconnectTime?: string }[] } }[];
      }>().items;
      const online = overviews.map(
        ({ dataplaneInsight }) => (dataplaneInsight?.subscriptions ?? []).filter((one) => one.disconnectTime === undefined).length,
      );
      return overviews.length === 4 && online.every((count) => count === 1);
    },
    { limitMs: 20_000 },
  );
});

test("with global down a restarted zone serves from its checkpoint, also a proxy that starts then", async () => {
  const before = await agree();
  await underLoad(async () => {
    await atoll.stack.global.kill();
    const west = atoll.zone("west");
    await west.xds.kill();
    await west.sync.kill();
    await west.sync.start();
    await west.xds.start();
    for (const name of ["zone-west", "xds-west"] as const) expect(await atoll.replica(name)).toMatchObject(before);
    expect((await rest(`${west.url}/meshes/default`)).json()).toMatchObject({ type: "Mesh", name: "default" });
    await orders2Starts();
    await atoll.stack.global.start();
  });
  expect(await agree()).toEqual(before);
  await writeReachesEnvoy("after-checkpoint");
});

test.skipIf(stackKind === "kafka")(
  "global's disk is lost and its log restored from a backup that was made while it ran: zones go on with it",
  async () => {
    await writeReachesEnvoy("before-backup");
    const before = await agree();
    const workDir = join(atoll.stack.workDir, "global");
    const file = join(atoll.stack.workDir, "backup.jsonl.gz");
    const archive = (what: "export" | "import") =>
      startProcess(fileURLToPath(new URL("../../../bin/atoll", import.meta.url)), ["log", what, file], {
        env: { ATOLL_GENERAL_WORK_DIR: workDir, ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(atoll.stack.ports.kds) },
      });
    const exported = await archive("export");
    expect([await exported.exited, exported.output()]).toEqual([
      0,
      expect.stringMatching(/^wrote \d+ records of \d+ topics: atoll.config, atoll.tokens, /),
    ]);
    await underLoad(async () => {
      await atoll.stack.global.kill();
      const refused = await archive("import");
      expect([await refused.exited, refused.output()]).toEqual([1, expect.stringContaining("an archive goes into an empty log")]);
      for (const name of readdirSync(workDir)) if (name.startsWith("log.sqlite")) rmSync(join(workDir, name));
      const imported = await archive("import");
      expect([await imported.exited, imported.output()]).toEqual([0, expect.stringContaining("restored")]);
      await atoll.stack.global.start();
    });
    expect(await atoll.replica("global")).toMatchObject(before);
    await writeReachesEnvoy("after-restore");
    await agree();
  },
);

/** A second instance of `orders`, with a token that was issued before global went down. */
async function orders2Starts(): Promise<void> {
  const first = atoll.document("west", "orders-1");
  const networking = first["networking"] as { inbound: Record<string, unknown>[] };
  const second = {
    ...first,
    name: "orders-2",
    networking: { ...networking, admin: { port: atoll.port(1) }, inbound: [{ ...networking.inbound[0], port: atoll.port(2) }] },
  };
  await atoll.startProxy("west", second, { token: orders2Token });
  // Its listener is up: it has its certificate and its configuration.
  await eventually(
    async () => {
      const { text } = await get(atoll.port(1), "/listeners");
      return text.includes(`127.0.0.1:${atoll.port(2)}`);
    },
    { limitMs: 20_000 },
  );
  const ingressClusters = async () => (await get(atoll.ports.adminBase * 10 + 4, "/clusters")).text;
  await eventually(async () => (await ingressClusters()).includes(`127.0.0.1:${atoll.port(2)}::`), { limitMs: 10_000 });
}

let orders2Token: string;
beforeAll(async () => {
  orders2Token = await atoll.token("west", { ...atoll.document("west", "orders-1"), name: "orders-2" });
});
