import { get } from "@atoll/demo/measure";
import { secondGlobalPorts } from "@atoll/demo/ports";
import { pathOf } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { type OtlpCollector, startOtlpCollector } from "@atoll/testkit/otlp-collector";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type KillableBackends, startKillableBackends } from "./kafka-backends.ts";
import { describeFailures, envoyStats, jsonHeaders, Load, rest, sumOf, TestStack } from "./index.ts";
import { titledSpans } from "./titled-spans.ts";

// The stack on a real Kafka and a real Redis: what their outages cost. The tests build on each other.
let backends: KillableBackends;
let atoll: TestStack;
let collector: OtlpCollector;

beforeAll(async () => {
  backends = await startKillableBackends();
  collector = await startOtlpCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: "100", OTEL_METRICS_EXPORTER: "none" };
  atoll = await TestStack.start(29_000, { kind: "kafka", backends, env });
  await atoll.startSample();
  await eventually(async () => (await edge("/orders")).status === 200, { limitMs: 30_000 });
}, 180_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  await backends?.close();
  await collector?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const edge = (path: string) => get(atoll.ports.edgePort, path);
const processes = ["global", "zone-east", "xds-east", "zone-west", "xds-west"] as const;

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

const reachesEnvoy = (mark: string) =>
  eventually(async () => String((await edge("/marker")).headers["location"]).endsWith(`/${mark}`), { limitMs: 20_000 });

/** A write that was answered with 503 may still come to be: then there is a revision more than a moment ago. */
async function agree(): Promise<void> {
  await eventually(
    async () => {
      const { revision } = await atoll.replica("global");
      const states = await Promise.all(processes.map((name) => atoll.reaches(name, revision)));
      expect(new Set(states.map((state) => `${state.revision} ${state.checksum}`)).size).toBe(1);
      return true;
    },
    { limitMs: 15_000 },
  );
}

/**
 * Configurations that the six Envoys have taken so far. The xDS server's own cluster is in the bootstrap, not pushed: its counter grows
 * whenever Envoy looks the server's name up again.
 */
async function updates(): Promise<number> {
  const pushed = /^(?!cluster\.ads_cluster\.).*\.update_success$/;
  const stats = await Promise.all([1, 2, 3, 4, 5, 6].map((digit) => envoyStats(atoll.ports.adminBase * 10 + digit, pushed)));
  return stats.reduce((sum, one) => sum + sumOf(one), 0);
}

interface ZoneInventory {
  zone: string;
  entries: { tags: Record<string, string>; instances: number }[];
}

const inventoryOf = async (side: "east" | "west", of: string): Promise<ZoneInventory | undefined> => {
  const answer = await rest(`http://127.0.0.1:${atoll.zone(side).ports.diagnostics}/debug/inventory`);
  return answer.json<ZoneInventory[]>().find(({ zone }) => zone === of);
};

/** What Redis holds for each zone: digests of the content by zone, and how many fields there are. */
const inRedis = () =>
  ["east", "west"].map((zone) => {
    const hash = `{atoll.inventory.${zone}}`;
    return `${backends.redis.command("HGET", hash, "zones")} ${backends.redis.command("HLEN", hash)}`;
  });

const instancesOf = (inventory: ZoneInventory | undefined, service: string): number =>
  inventory?.entries.find(({ tags }) => tags["kuma.io/service"] === service)?.instances ?? 0;

test("a write on global reaches an Envoy of the other zone through Kafka, and all processes agree", async () => {
  await atoll.apply(marker("first"));
  await reachesEnvoy("first");
  await agree();
  expect(atoll.allOutput()).not.toContain("not in Redis");
});

test("either instance of global shows and asks every zone, whichever holds its session, and waits for what the other wrote", async () => {
  const globals = [atoll.stack.url, `http://127.0.0.1:${secondGlobalPorts(atoll.base).api}`];
  const overview = async (url: string, zone: string) =>
    (await rest(`${url}/zones/${zone}/_overview`)).json<{ zoneInsight?: { subscriptions: Record<string, string>[] } }>().zoneInsight;
  const holders = new Set<string>();
  for (const zone of ["east", "west"]) {
    const open = await eventually(async () => {
      const shown = await Promise.all(globals.map((url) => overview(url, zone)));
      const [one, other] = shown.map((insight) => insight?.subscriptions.filter((each) => each["disconnectTime"] === undefined));
      expect(one).toHaveLength(1);
      expect(other!.map(({ id }) => id)).toEqual(one!.map(({ id }) => id));
      return one;
    });
    holders.add(open[0]!["globalInstanceId"]!);
    for (const url of globals) {
      const refused = await rest(`${url}/zones/${zone}`, { method: "DELETE" });
      expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("Zone CP is still connected")]);
    }
  }
  expect(holders.size).toBe(2);
  const { items } = (await atoll.call("/meshes/default/dataplanes")).json<{ items: { name: string }[] }>();
  const syncedNames = items.map(({ name }) => name);
  for (const url of globals) {
    for (const name of ["edge-1", "orders-1"]) {
      for (const [path, content] of [
        ["xds", `default.${name}`],
        ["stats", "cluster_manager.cluster_added"],
        ["clusters", "::observability_name::"],
      ]) {
        const proxy = `meshes/default/dataplanes/${syncedNames.find((each) => each.startsWith(`${name}-`))}`;
        const answer = await rest(`${url}/${proxy}/${path}`);
        expect([`${url}/${proxy}/${path}`, answer.status]).toEqual([expect.any(String), 200]);
        expect(answer.text).toContain(content);
      }
    }
    const document = marker(`waited-${url.slice(-2)}`);
    const written = await rest(url + pathOf(document), { method: "PUT", headers: jsonHeaders, body: JSON.stringify(document) });
    expect(written.status).toBe(200);
    const other = globals.find((each) => each !== url)!;
    expect((await rest(`${other}/revisions/${written.revision}/status?wait=applied`)).json()).toMatchObject({ done: true });
    expect(String((await edge("/marker")).headers["location"])).toContain(`/waited-${url.slice(-2)}`);
  }
});

test("the trace of a change goes through Kafka: its records carry the context to the zones and on to Envoy", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4740";
  const answer = await atoll.put(marker("traced"), { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  expect([200, 201]).toContain(answer.status);
  await reachesEnvoy("traced");
  const append = "global: append atoll.config";
  const parents = {
    [append]: "global: PUT /meshes/{mesh}/meshgatewayroutes/{name}",
    "global: fold": append,
    "tokens: fold": append,
    "zone: mirror atoll.config": append,
    "zone: fold": append,
    "xds: fold": append,
    "xds: deliver": "xds: build",
    "xds: push RouteConfiguration": "xds: deliver",
  };
  await eventually(
    () => {
      const spans = titledSpans(collector.spans, traceId);
      expect(Object.fromEntries(Object.keys(parents).map((title) => [title, spans.get(title)?.parent]))).toEqual(parents);
      expect(spans.get("xds: push RouteConfiguration")!.attributes["atoll.answer"]).toBe("ACK");
      return true;
    },
    { limitMs: 20_000 },
  );
});

test("a broker that is killed and comes back under traffic: no request fails, writes answer 503 with the reason and then go on", async () => {
  const load = new Load(`http://127.0.0.1:${atoll.ports.edgePort}/orders`, 50);
  await eventually(() => load.answered > 50, { limitMs: 20_000 });
  await backends.kafka.kill();
  const refused = await atoll.put(marker("refused"));
  expect(refused.status).toBe(503);
  expect(refused.text).toContain("ECONNREFUSED");
  await backends.kafka.start();
  const returned = performance.now();
  await eventually(async () => (await atoll.put(marker("second"))).status === 200, { limitMs: 15_000 });
  expect(performance.now() - returned).toBeLessThan(15_000);
  await reachesEnvoy("second");
  await agree();
  const { failed } = await load.stop();
  expect(describeFailures(failed)).toEqual([]);
});

test("Redis loses everything, then is killed and comes back: no Envoy hears of it", async () => {
  await agree();
  // What earlier tests have set going has arrived.
  let before = await updates();
  await eventually(
    async () => {
      const now = await updates();
      const isQuiet = now === before;
      before = now;
      return isQuiet;
    },
    { limitMs: 45_000, everyMs: 1_500 },
  );
  const held = inRedis();
  // East's one service is a gateway, which other zones do not call.
  for (const one of held) expect(one).toContain('"west"');
  const isWhole = () => {
    expect(inRedis()).toEqual(held);
    return true;
  };
  backends.redis.command("FLUSHALL");
  await eventually(isWhole, { limitMs: 2_000 });
  await backends.redis.kill();
  await backends.redis.start();
  await eventually(isWhole, { limitMs: 4_000 });
  expect(await updates()).toBe(before);
  expect(instancesOf(await inventoryOf("east", "west"), "orders")).toBe(1);
});

test("a zone that is switched off is left out by the others, and returns", async () => {
  const zone = (enabled: boolean) => ({ type: "Zone", name: "west", enabled });
  const orders = async () => (await rest(`http://127.0.0.1:${atoll.ports.adminBase}3/clusters?format=json`)).text;
  expect(await orders()).toContain(String(atoll.ports.ingressPort));
  await atoll.apply(zone(false));
  await eventually(async () => (await inventoryOf("east", "west")) === undefined, { limitMs: 10_000 });
  await eventually(async () => !(await orders()).includes(String(atoll.ports.ingressPort)), { limitMs: 10_000 });
  await atoll.apply(zone(true));
  await eventually(async () => (await edge("/orders")).status === 200, { limitMs: 15_000 });
});

test("with global down, a new instance in west is used from east", async () => {
  const token = await atoll.token("west", { ...atoll.document("west", "orders-1"), name: "orders-2" });
  await atoll.stack.global.kill();
  const first = atoll.document("west", "orders-1");
  const networking = first["networking"] as { inbound: Record<string, unknown>[] };
  const second = {
    ...first,
    name: "orders-2",
    networking: { ...networking, admin: { port: atoll.port(1) }, inbound: [{ ...networking.inbound[0], port: atoll.port(2) }] },
  };
  await atoll.startProxy("west", second, { token });
  await eventually(async () => instancesOf(await inventoryOf("east", "west"), "orders") === 2, { limitMs: 20_000 });
  const weights = async () => (await rest(`http://127.0.0.1:${atoll.ports.adminBase}3/clusters?format=json`)).text;
  await eventually(async () => /"weight": ?2/.test(await weights()), { limitMs: 10_000 });
  await atoll.stack.global.start();
  await agree();
});
