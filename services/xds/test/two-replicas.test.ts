import { setTimeout as delay } from "node:timers/promises";
import { isOnline } from "@atoll/resource";
import { eventually } from "@atoll/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AdsClient } from "../../../packages/dp-server/test/proxy-client.ts";
import { ZoneUnderTest } from "./zone-fixture.ts";

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const service = "kuma.io/service";

const web = (index: number) => ({
  type: "Dataplane",
  mesh: "default",
  name: `web-${index}`,
  networking: { address: `10.0.0.${index}`, inbound: [{ port: 8080, tags: { [service]: "web", "kuma.io/protocol": "http" } }] },
});
const client = {
  type: "Dataplane",
  mesh: "default",
  name: "client-1",
  networking: {
    address: "10.0.1.1",
    inbound: [{ port: 8080, tags: { [service]: "client" } }],
    outbound: [{ port: 9000, tags: { [service]: "web" } }],
  },
};

let zone: ZoneUnderTest;
const streams: { close(): void }[] = [];

beforeEach(async () => {
  zone = await ZoneUnderTest.start();
  await zone.apply({ type: "Mesh", name: "default" });
});

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await zone[Symbol.asyncDispose]();
});

/** A proxy on a stream, which acknowledges all it gets. */
function connect(port: number, document: { mesh: string; name: string }) {
  const stream = new AdsClient({ port, caPem: zone.caPem }, []);
  streams.push(stream);
  stream.acknowledgeAll();
  stream.start({
    id: `${document.mesh}.${document.name}`,
    metadata: { "dataplane.proxyType": "dataplane", "dataplane.resource": JSON.stringify(document) },
  });
  return stream;
}

/** Addresses that the newest endpoints of `web` name, as a proxy was sent them. */
function endpointsOf(stream: AdsClient): string[] {
  const newest = stream.responses
    .filter(({ typeUrl }) => typeUrl === endpointType)
    .flatMap(({ resources }) => resources)
    .at(-1);
  const text = Buffer.from(newest?.resource?.value ?? []).toString("latin1");
  return [...new Set(text.match(/10\.0\.0\.\d+/g) ?? [])].sort();
}

const insightOf = (name: string) =>
  zone.resources.get<{ subscriptions?: { controlPlaneInstanceId: string; connectTime?: string; disconnectTime?: string }[] }>(
    "DataplaneInsight",
    "default",
    name,
  )?.spec;
const dataplanes = () => zone.resources.list("Dataplane").map(({ name }) => name);

test("two servers share a zone's proxies, and each sees what the other registers", async () => {
  const [one, two] = [await zone.startXds("xds-1"), await zone.startXds("xds-2")];
  const seen = connect(one.port, client);
  connect(one.port, web(1));
  connect(two.port, web(2));
  await eventually(() => endpointsOf(seen).join() === "10.0.0.1,10.0.0.2");
});

test("a proxy that moves to the other server stays registered, and is the other's from then on", async () => {
  const [one, two] = [await zone.startXds("xds-1"), await zone.startXds("xds-2")];
  const seen = connect(two.port, client);
  const before = connect(one.port, web(1));
  await eventually(() => endpointsOf(seen).join() === "10.0.0.1");
  before.close();
  connect(two.port, web(1));
  await eventually(() => insightOf("web-1")?.subscriptions?.at(-1)?.controlPlaneInstanceId === "xds-2");
  await delay(500);
  expect(dataplanes()).toEqual(["client-1", "web-1"]);
  expect(endpointsOf(seen)).toEqual(["10.0.0.1"]);
});

test("when a server stops and starts again, nobody loses an endpoint while others have yet to come back", async () => {
  const one = await zone.startXds("xds-1");
  const first = [1, 2, 3].map((index) => connect(one.port, web(index)));
  const seenBefore = connect(one.port, client);
  await eventually(() => endpointsOf(seenBefore).length === 3);
  await eventually(() => [1, 2, 3].every((index) => isOnline(insightOf(`web-${index}`))));
  await one.close();
  for (const stream of first) stream.close();
  expect([1, 2, 3].map((index) => isOnline(insightOf(`web-${index}`)))).toEqual([true, true, true]);
  const again = await zone.startXds("xds-1", { dataplaneDeregistrationDelayMs: 2_000 });
  const seen = connect(again.port, client);
  await eventually(() => endpointsOf(seen).length > 0);
  expect(endpointsOf(seen)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  connect(again.port, web(1));
  await eventually(() => insightOf("web-1")!.subscriptions!.length === 2);
  expect(endpointsOf(seen)).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  // Those that stay away are removed after their time.
  await eventually(() => dataplanes().join() === "client-1,web-1");
  await eventually(() => endpointsOf(seen).join() === "10.0.0.1");
});

test("the proxies of a server that never comes back are taken over by the other one", async () => {
  const [one, two] = [await zone.startXds("xds-1"), await zone.startXds("xds-2")];
  connect(one.port, web(1));
  const seen = connect(two.port, client);
  await eventually(() => endpointsOf(seen).length === 1 && zone.resources.list("ProxyStatus").length === 2);
  await one.close();
  expect(dataplanes()).toContain("web-1");
  await eventually(() => dataplanes().join() === "client-1");
  expect(zone.resources.list("ProxyStatus").map(({ name }) => name)).toEqual(["xds-2"]);
});

test("while the zone's sync service is away, a proxy that comes back is served, and its insight follows", async () => {
  const one = await zone.startXds("xds-1");
  const before = connect(one.port, web(1));
  await eventually(() => before.responses.some(({ typeUrl }) => typeUrl === clusterType) && isOnline(insightOf("web-1")));
  await zone.stopRelay();
  before.close();
  const after = connect(one.port, web(1));
  await eventually(() => after.responses.some(({ typeUrl }) => typeUrl === clusterType));
  await zone.startRelay();
  await eventually(() => isOnline(insightOf("web-1")) && insightOf("web-1")!.subscriptions!.length === 2, { limitMs: 15_000 });
});
