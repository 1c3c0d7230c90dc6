import { get } from "@atoll/demo/measure";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeFailures, envoyStats, Load, rest, sumOf, TestStack } from "./index.ts";

// A gateway and an egress in east, an ingress and the services in west, for two meshes at once. The tests build on each other.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(30_000);
  await atoll.startSample();
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const edge = (path: string, headers?: Record<string, string>) => get(atoll.ports.edgePort, path, headers);
const payments = (path: string, headers?: Record<string, string>) => get(atoll.ports.paymentsEdgePort, path, headers);
const mesh = (zoneEgress: boolean) => ({ ...atoll.document("meshes", "default", "Mesh"), routing: { zoneEgress } });
const admin = (digit: number) => atoll.ports.adminBase * 10 + digit;
const egressConnections = async () => sumOf(await envoyStats(admin(3), /^listener\..*\.downstream_cx_total$/));
const answers = (status: number, path = "/orders") =>
  eventually(
    async () => {
      const answer = await edge(path);
      if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`);
      return answer;
    },
    { limitMs: 20_000 },
  );

test("a request through gateway, egress, ingress and sidecar gets the west service's response and its caller's identity", async () => {
  const answer = await answers(200);
  expect(JSON.parse(answer.text)).toEqual({ service: "orders", path: "/orders", calledBy: "spiffe://default/edge" });
  expect(JSON.parse((await edge("/orders/17?item=3")).text)).toEqual({
    service: "orders",
    path: "/orders/17?item=3",
    calledBy: "spiffe://default/edge",
  });
});

test("every hop carried it: egress and ingress each have connections of both meshes", async () => {
  await eventually(async () => (await payments("/")).status === 200, { limitMs: 20_000 });
  const egress = await envoyStats(admin(3), /^cluster\..*\.upstream_cx_total$/);
  const ingress = await envoyStats(admin(4), /^cluster\..*\.upstream_cx_total$/);
  for (const stats of [egress, ingress]) {
    const used = Object.entries(stats)
      .filter(([, total]) => total > 0)
      .map(([name]) => name);
    expect(used).toEqual(expect.arrayContaining([expect.stringContaining("default_orders"), expect.stringContaining("payments_ledger")]));
  }
});

test("two meshes share one egress and one ingress, and neither reaches the other", async () => {
  expect(JSON.parse((await payments("/")).text)).toEqual({ service: "ledger", path: "/", calledBy: "spiffe://payments/payments-edge" });
  // A route that names the other mesh's service names a service its own mesh does not have.
  const stray = (name: string, of: string, service: string) => ({
    type: "MeshGatewayRoute",
    mesh: of,
    name: `stray-${name}`,
    selectors: [{ match: { "kuma.io/service": name } }],
    conf: {
      http: {
        rules: [
          {
            matches: [{ path: { match: "PREFIX", value: "/stray" } }],
            backends: [{ weight: 1, destination: { "kuma.io/service": service } }],
          },
        ],
      },
    },
  });
  const strays = [stray("edge", "default", "ledger"), stray("payments-edge", "payments", "orders")];
  for (const route of strays) await atoll.apply(route);
  await eventually(async () => (await edge("/stray")).status === 503 && (await payments("/stray")).status === 503, { limitMs: 10_000 });
  for (const route of strays) await atoll.remove(route);
  await eventually(async () => (await edge("/stray")).status === 404, { limitMs: 10_000 });
});

test("without the TrafficPermission the answer is 403, with it again 200", async () => {
  const permission = atoll.documents("meshes").find((one) => one["type"] === "TrafficPermission" && one["mesh"] === "default")!;
  await atoll.remove(permission);
  const refused = await answers(403);
  expect(refused.text).toBe("RBAC: access denied");
  expect((await payments("/")).status).toBe(200);
  await atoll.apply(permission);
  await answers(200);
});

// As peers do it: a service that has permissions does not even talk HTTP to a caller that none of them names.
test("a permission for somebody else closes the gateway's connections, one for the gateway lets it in", async () => {
  const permission = atoll.documents("meshes").find((one) => one["type"] === "TrafficPermission" && one["mesh"] === "default")!;
  await atoll.apply({ ...permission, sources: [{ match: { "kuma.io/service": "billing" } }] });
  expect((await answers(503)).text).toContain("connection termination");
  await atoll.apply({ ...permission, sources: [{ match: { "kuma.io/service": "edge" } }] });
  await answers(200);
  await atoll.apply(permission);
});

test("with zoneEgress true and every egress killed, requests get 503 and nothing goes around", async () => {
  const ingressBefore = sumOf(await envoyStats(admin(4), /^cluster\.default_orders.*\.upstream_cx_total$/));
  const registered = async () => (await rest(`${atoll.zone("east").url}/zoneegresses/egress-1`)).status;
  expect(await registered()).toBe(200);
  await atoll.killProxy("egress-1");
  await answers(503);
  // Until the dead egress is deregistered it is an endpoint; afterwards there is none, and still nothing goes around.
  await eventually(async () => (await registered()) === 404, { limitMs: 30_000, everyMs: 100 });
  const load = new Load(`http://127.0.0.1:${atoll.ports.edgePort}/orders`, 50);
  await eventually(() => load.answered >= 50, { limitMs: 20_000 });
  const { requests } = await load.stop();
  expect(new Set(requests.map((one) => one.status))).toEqual(new Set([503]));
  expect(sumOf(await envoyStats(admin(4), /^cluster\.default_orders.*\.upstream_cx_total$/))).toBe(ingressBefore);
});

test("after zoneEgress is set to false, traffic goes straight to the ingress", async () => {
  await atoll.apply(mesh(false));
  const answer = await answers(200);
  expect(JSON.parse(answer.text)).toMatchObject({ service: "orders", calledBy: "spiffe://default/edge" });
  expect((await payments("/")).status).toBe(503);
});

test("an egress that comes back serves again; with zoneEgress true traffic moves to it, and once that is applied no request fails", async () => {
  await atoll.startProxy("east", atoll.document("east", "egress-1"));
  await eventually(async () => (await payments("/")).status === 200, { limitMs: 20_000 });
  const load = new Load(`http://127.0.0.1:${atoll.ports.edgePort}/orders`, 100);
  const before = await egressConnections();
  await atoll.applied(await atoll.apply(mesh(true)));
  const appliedMs = performance.now();
  const answered = load.answered;
  await eventually(() => load.answered >= answered + 200, { limitMs: 20_000 });
  const { requests, failed } = await load.stop();
  expect(await egressConnections()).toBeGreaterThan(before);
  expect(describeFailures(failed.filter((one) => one.beganMs > appliedMs))).toEqual([]);
  // Gateway and egress apply it each in its own time: what meets the gap is refused, and the gap is short.
  expect(failed.length).toBeLessThan(requests.length / 10);
});
