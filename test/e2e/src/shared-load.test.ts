import { get } from "@atoll/demo/measure";
import { eventually } from "@atoll/testkit/eventually";
import { startTcpBalancer, type TcpBalancer } from "@atoll/testkit/tcp-balancer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeFailures, envoyPidOf, envoyStats, Load, type LoadedRequest, sumOf, TestStack } from "./index.ts";

// Two egresses in east, two ingresses in west behind one advertised address.
let atoll: TestStack;
let balancer: TcpBalancer;

const ingress = (name: string, port: number, adminPort: number) => ({
  type: "ZoneIngress",
  name,
  networking: { address: "127.0.0.1", port, advertisedAddress: "127.0.0.1", advertisedPort: atoll.port(0), admin: { port: adminPort } },
});
const egress = (name: string, port: number, adminPort: number) => ({
  type: "ZoneEgress",
  name,
  networking: { address: "127.0.0.1", port, admin: { port: adminPort } },
});
const ingresses = () => [ingress("ingress-1", atoll.port(1), atoll.port(2)), ingress("ingress-2", atoll.port(3), atoll.port(4))];
const egresses = () => [egress("egress-1", atoll.port(5), atoll.port(6)), egress("egress-2", atoll.port(7), atoll.port(8))];

beforeAll(async () => {
  atoll = await TestStack.start(30_500);
  balancer = await startTcpBalancer(atoll.port(0), [atoll.port(1), atoll.port(3)]);
  await atoll.startApp("orders", atoll.ports.ordersPort);
  for (const document of [...atoll.documents("meshes"), ...atoll.documents("gateways")]) await atoll.apply(document);
  // What every mesh has in production: a connection that is refused is tried elsewhere. Nothing that was sent is sent twice.
  await atoll.apply({
    type: "Retry",
    mesh: "default",
    name: "refused",
    sources: [{ match: { "kuma.io/service": "*" } }],
    destinations: [{ match: { "kuma.io/service": "*" } }],
    conf: { http: { numRetries: 3, retryOn: ["connect_failure"], backOff: { baseInterval: "1ms", maxInterval: "5ms" } } },
  });
  await atoll.startProxy("west", atoll.document("west", "orders-1"));
  for (const document of ingresses()) await atoll.startProxy("west", document);
  for (const document of egresses()) await atoll.startProxy("east", document);
  await atoll.startProxy("east", atoll.document("east", "edge-1"));
  await eventually(async () => (await get(atoll.ports.edgePort, "/orders")).status === 200, { limitMs: 20_000 });
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  await balancer?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const orders = () => `http://127.0.0.1:${atoll.ports.edgePort}/orders`;
/** Connections each Envoy of a pair took so far from its own side. */
const connectionsOf = (adminPorts: readonly number[]) =>
  Promise.all(adminPorts.map(async (port) => sumOf(await envoyStats(port, /^cluster\.default_orders\.upstream_cx_total$/))));
/** Endpoints in the gateway's cluster of `orders`. */
const endpoints = async () => {
  const { text } = await get(atoll.ports.adminBase * 10 + 1, "/clusters");
  const found = text.split("\n").filter((line) => /^orders.*::cx_active::/.test(line));
  return found.map((line) => Number(line.split("::")[1]!.split(":")[1])).toSorted();
};
/** Open connections of the gateway to one of the egresses. */
const connectionsTo = async (port: number) => {
  const { text } = await get(atoll.ports.adminBase * 10 + 1, "/clusters");
  return Number(new RegExp(`^orders.*::127\\.0\\.0\\.1:${port}::cx_active::(\\d+)$`, "m").exec(text)![1]);
};
/** How long a broken connection may go unnoticed by the gateway: the news passes two Envoys and the balancer on a busy machine. */
const noticedWithinMs = 500;

interface Loss {
  failed: readonly LoadedRequest[];
  /** Failures of requests that began when the gateway had to know. */
  late: readonly LoadedRequest[];
  /** Requests that could be on their way when the instance died: those under way, or one for each connection that broke. */
  inFlight: number;
}

async function killUnderLoad(
  name: string,
  connections: () => Promise<number> | number,
  until: () => Promise<boolean> | boolean,
): Promise<Loss> {
  expect(envoyPidOf(atoll.proxy(name))).toBeDefined();
  return lossUnderLoad(connections, () => atoll.killProxy(name), until);
}

async function lossUnderLoad(
  connections: () => Promise<number> | number,
  end: () => Promise<void>,
  until: () => Promise<boolean> | boolean,
): Promise<Loss> {
  const load = new Load(orders(), 100);
  await eventually(() => load.answered >= 100, { limitMs: 20_000 });
  const broken = await connections();
  const beganMs = performance.now();
  await end();
  const endedMs = performance.now();
  const answered = load.answered;
  await eventually(async () => load.answered >= answered + 200 && (await until()), { limitMs: 30_000 });
  const { failed, requests } = await load.stop();
  const underWay = requests.filter((one) => one.beganMs <= endedMs && one.endedMs >= beganMs).length;
  return { failed, late: failed.filter((one) => one.beganMs > endedMs + noticedWithinMs), inFlight: Math.max(underWay, broken) };
}

test("the gateway has both egresses as endpoints, and both ingresses share one endpoint of the egresses", async () => {
  await eventually(async () => (await endpoints()).length === 2, { limitMs: 10_000 });
  expect(await endpoints()).toEqual([atoll.port(5), atoll.port(7)].toSorted());
});

test("both egresses and both ingresses carry connections", async () => {
  const load = new Load(orders(), 200);
  await eventually(() => load.answered >= 400, { limitMs: 20_000 });
  expect(describeFailures((await load.stop()).failed)).toEqual([]);
  for (const pair of [
    [atoll.port(6), atoll.port(8)],
    [atoll.port(2), atoll.port(4)],
  ]) {
    for (const total of await connectionsOf(pair)) expect(total).toBeGreaterThan(0);
  }
  for (const total of balancer.connections.values()) expect(total).toBeGreaterThan(0);
});

test("requests are spread over the egresses evenly", async () => {
  const perHost = async () => {
    const { text } = await get(atoll.ports.adminBase * 10 + 1, "/clusters");
    return text
      .split("\n")
      .filter((line) => /^orders.*::rq_total::/.test(line))
      .map((line) => Number(line.split("::").at(-1)));
  };
  const before = await perHost();
  const load = new Load(orders(), 200);
  await eventually(() => load.answered >= 400, { limitMs: 20_000 });
  const sent = (await load.stop()).requests.length;
  const shares = (await perHost()).map((count, index) => (count - before[index]!) / sent);
  expect(shares).toHaveLength(2);
  for (const share of shares) expect(share).toBeGreaterThan(0.4);
});

// Requests go over connections of HTTP/1.1, one at a time: a connection that breaks takes one request with it at most, the one it
// carries or the one it is given before its end is noticed.
test("killing one egress loses at most the requests in flight", async () => {
  const { failed, late, inFlight } = await killUnderLoad(
    "egress-1",
    () => connectionsTo(atoll.port(5)),
    async () => (await endpoints()).length === 1,
  );
  expect(describeFailures(late)).toEqual([]);
  expect(failed.length, describeFailures(failed).join("; ")).toBeLessThanOrEqual(inFlight);
  expect(await endpoints()).toEqual([atoll.port(7)]);
});

test("killing one ingress loses at most the requests in flight", async () => {
  const { failed, late, inFlight } = await killUnderLoad(
    "ingress-1",
    () => balancer.open.get(atoll.port(1))!,
    () => balancer.open.get(atoll.port(1)) === 0,
  );
  expect(describeFailures(late)).toEqual([]);
  expect(failed.length, describeFailures(failed).join("; ")).toBeLessThanOrEqual(inFlight);
  expect(balancer.open.get(atoll.port(3))!).toBeGreaterThan(0);
});

test("an egress that comes back is used again", async () => {
  await atoll.startProxy("east", egresses()[0]!);
  await eventually(async () => (await endpoints()).length === 2, { limitMs: 20_000 });
  await eventually(
    async () => {
      await get(atoll.ports.edgePort, "/orders");
      return sumOf(await envoyStats(atoll.port(6), /^cluster\.default_orders\.upstream_cx_total$/)) > 0;
    },
    { limitMs: 10_000 },
  );
});

// An egress carries connections it cannot see into: one that it drains, and then closes, may have just been given a request.
test("stopping one egress in order loses at most the requests in flight", async () => {
  const { failed, late, inFlight } = await lossUnderLoad(
    () => connectionsTo(atoll.port(7)),
    () => atoll.stopProxy("egress-2"),
    async () => (await endpoints()).length === 1,
  );
  expect(describeFailures(late)).toEqual([]);
  expect(failed.length, describeFailures(failed).join("; ")).toBeLessThanOrEqual(inFlight);
});
