import { get } from "@atoll/demo/measure";
import type { ProxyDocument } from "@atoll/demo/proxy";
import { startProxy } from "@atoll/demo/proxy";
import { zonePorts } from "@atoll/demo/ports";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeFailures, Load, rest, TestStack } from "./index.ts";
import { type KillableBackends, startKillableBackends } from "./kafka-backends.ts";
import { leaseEnv, type SecondSync, startSecondSync, syncStatus } from "./second-sync.ts";

// Zone west has two sync services on one Kafka, and one of them writes: killed, paused, stopped, the zone goes on. The tests build on
// each other.
let backends: KillableBackends;
let atoll: TestStack;
let second: SecondSync;

beforeAll(async () => {
  backends = await startKillableBackends();
  atoll = await TestStack.start(29_500, (base) => ({
    kind: "kafka",
    backends,
    zoneEnv: { west: leaseEnv(zonePorts(base + 20).relay), east: { ATOLL_MULTIZONE_ZONE_LIVENESS_GRACE_MS: "12000" } },
  }));
  second = await startSecondSync(atoll, atoll.zone("west"), backends, atoll.base);
  await atoll.startSample();
  await eventually(async () => (await edge("/orders")).status === 200, { limitMs: 30_000 });
}, 180_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await second?.close();
  await atoll?.close();
  await backends?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const edge = (path: string) => get(atoll.ports.edgePort, path);
const first = () => syncStatus(atoll.zone("west").ports.diagnostics);
const instances = { first: () => atoll.zone("west").sync.instances[0]!, second: () => second.sync };

/** Statuses of those that run, once exactly one writes and the others know which. */
async function settled(which: readonly (() => Promise<{ role: { writes: boolean; term?: number; writer?: string } }>)[]) {
  return eventually(
    async () => {
      const roles = (await Promise.all(which.map((ask) => ask()))).map(({ role }) => role);
      if (roles.filter(({ writes }) => writes).length !== 1 || roles.some(({ writes, writer }) => !writes && !writer))
        throw new Error(JSON.stringify(roles));
      return roles;
    },
    { limitMs: 20_000 },
  );
}

let started = 0;

/** One more instance of `orders`, registered through the xDS server that uses either sync service; reached when east's egress lists it. */
async function anotherInstance(): Promise<void> {
  started += 1;
  const orders = atoll.document("west", "orders-1");
  const networking = orders["networking"] as { inbound: Record<string, unknown>[] };
  const document = {
    ...orders,
    name: `orders-more-${started}`,
    networking: {
      ...networking,
      admin: { port: atoll.port(10 + 2 * started) },
      inbound: [{ ...networking.inbound[0], port: atoll.port(11 + 2 * started) }],
    },
  };
  const token = await atoll.token("west", document);
  atoll.proxies.set(document.name, await startProxy(atoll.stack, second.zone, document as unknown as ProxyDocument, { token }));
  const weights = async () => (await rest(`http://127.0.0.1:${atoll.ports.adminBase}3/clusters?format=json`)).text;
  await eventually(async () => new RegExp(`"weight": ?${started + 1}\\b`).test(await weights()), { limitMs: 20_000 });
}

async function marked(mark: string): Promise<void> {
  await atoll.apply({
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
  await eventually(async () => String((await edge("/marker")).headers["location"]).endsWith(`/${mark}`), { limitMs: 20_000 });
}

async function underLoad(what: () => Promise<void>): Promise<void> {
  const load = new Load(`http://127.0.0.1:${atoll.ports.edgePort}/orders`, 50);
  await eventually(() => load.answered > 50, { limitMs: 20_000 });
  await what();
  const from = load.answered;
  await eventually(() => load.answered > from + 50, { limitMs: 20_000 });
  expect(describeFailures((await load.stop()).failed)).toEqual([]);
}

test("one of the two writes, and a proxy that registers through the other one's relay is reached from east", async () => {
  const roles = await settled([first, second.status]);
  expect(roles[0]).toMatchObject({ writes: true, term: 1 });
  await underLoad(anotherInstance);
});

test("kill -9 of the writer: the other one takes over, no request fails, and proxies go on registering", async () => {
  await underLoad(async () => {
    await instances.first().kill();
    const killed = performance.now();
    await settled([second.status]);
    console.log(`handover after kill -9 with a lease of 2,000 ms: ${Math.round(performance.now() - killed)} ms`);
    await anotherInstance();
    await marked("while-the-first-is-down");
    await instances.first().start();
  });
  expect((await settled([first, second.status]))[1]).toMatchObject({ writes: true, term: 2 });
});

test("SIGSTOP of the writer: the other one takes over; when it goes on it falls in line and undoes nothing", async () => {
  await underLoad(async () => {
    second.sync.process.signal("SIGSTOP");
    const stopped = performance.now();
    await eventually(async () => (await first()).role.writes, { limitMs: 20_000 });
    console.log(`handover after SIGSTOP with a lease of 2,000 ms: ${Math.round(performance.now() - stopped)} ms`);
    // Its xDS server finds the other relay by itself, and its proxies stay.
    await anotherInstance();
    second.sync.process.signal("SIGCONT");
  });
  const roles = await settled([first, second.status]);
  expect(roles[0]).toMatchObject({ writes: true, term: 3 });
  const inventory = async (diagnostics: number) => (await rest(`http://127.0.0.1:${diagnostics}/debug/inventory`)).json();
  await eventually(async () => {
    expect(await second.inventory()).toEqual(await inventory(atoll.zone("west").ports.diagnostics));
    return true;
  });
  await marked("after-the-pause");
  await anotherInstance();
});

test("an orderly end of the writer hands over without waiting for the lease", async () => {
  await underLoad(async () => {
    await instances.first().stop();
    await settled([second.status]);
    await anotherInstance();
    await instances.first().start();
  });
  await settled([first, second.status]);
});

test("a zone of which nothing is heard any more is left out by the others after its grace time, and returns", async () => {
  const { diagnostics } = atoll.zone("east").ports;
  const dead = async () => (await rest(`http://127.0.0.1:${diagnostics}/debug/sync`)).json<{ deadZones: string[] }>().deadZones;
  const egress = async () => (await rest(`http://127.0.0.1:${atoll.ports.adminBase}3/clusters?format=json`)).text;
  expect(await dead()).toEqual([]);
  expect(await egress()).toContain(`"port_value": ${atoll.ports.ingressPort}`);
  for (const instance of Object.values(instances)) await instance().kill();
  await eventually(async () => (await dead()).join() === "west", { limitMs: 30_000 });
  await eventually(async () => !(await egress()).includes(`"port_value": ${atoll.ports.ingressPort}`), { limitMs: 10_000 });
  await instances.second().start();
  await eventually(async () => (await dead()).length === 0, { limitMs: 20_000 });
  await eventually(async () => (await edge("/orders")).status === 200, { limitMs: 20_000 });
});
