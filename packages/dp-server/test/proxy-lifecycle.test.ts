import { setTimeout as delay } from "node:timers/promises";
import type { EmbeddedLog } from "@atoll/event-log";
import { LogError } from "@atoll/event-log";
import type { ZoneReplica } from "@atoll/replica";
import { isOnline, type DataplaneSpec } from "@atoll/resource";
import { eventually } from "@atoll/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProxyLifecycle, RegistrationError } from "../src/index.ts";
import type { InsightSpec } from "../src/subscription-insight.ts";
import { Config, dataplane, draft, ingress, lifecycleOptions, nodeOf, openZone } from "./fixtures.ts";

let config: Config;
let log: EmbeddedLog;
let store: ZoneReplica;
let lifecycle: ProxyLifecycle;
const closing: { close(): unknown }[] = [];

const newLifecycle = (instanceId: string, at: ZoneReplica = store) => {
  const made = new ProxyLifecycle(lifecycleOptions(at, instanceId, config));
  closing.push(made);
  return made;
};

const connect = async (to: ProxyLifecycle, document: ReturnType<typeof dataplane>, options: { brought?: boolean } = {}) => {
  const node = nodeOf(document, options);
  to.connect(node, to.resolve(node).resource);
  await to.publish(node.nodeId);
  return node.nodeId;
};

const insightOf = (name: string, at: ZoneReplica = store) => at.get<InsightSpec>("DataplaneInsight", "default", name)?.spec;
const registrationOf = (name: string) => store.get("ProxyRegistration", "default", `dataplane.${name}`);
const records = (name: string) =>
  [store.get("Dataplane", "default", name), registrationOf(name), insightOf(name)].map((one) => one !== undefined);

beforeEach(async () => {
  config = new Config().put({ type: "Mesh", name: "default" });
  ({ log, store } = await openZone());
  lifecycle = newLifecycle("xds-1");
  closing.push(store, log);
});

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

describe("registration", () => {
  test("a proxy's resource is stored with the zone's tag and labels, and its insight says that it is online", async () => {
    await connect(lifecycle, dataplane("web-1"));
    const stored = store.get<DataplaneSpec>("Dataplane", "default", "web-1")!;
    expect(stored.spec.networking.inbound![0]!.tags).toEqual({
      "kuma.io/protocol": "http",
      "kuma.io/service": "web",
      "kuma.io/zone": "east",
    });
    expect(stored.labels).toEqual({
      "kuma.io/env": "universal",
      "kuma.io/mesh": "default",
      "kuma.io/origin": "zone",
      "kuma.io/proxy-type": "sidecar",
      "kuma.io/zone": "east",
    });
    await eventually(() => isOnline(insightOf("web-1")));
    expect(insightOf("web-1")!.subscriptions).toMatchObject([
      { controlPlaneInstanceId: "xds-1", version: { kumaDp: { version: "2.10.11" } } },
    ]);
  });

  test("a zone proxy keeps the labels of its file alone", async () => {
    const node = nodeOf(ingress("in-1"));
    lifecycle.connect(node, lifecycle.resolve(node).resource);
    await lifecycle.publish(node.nodeId);
    expect(store.get("ZoneIngress", "", "in-1")!.labels).toBeUndefined();
  });

  test("an ingress and an egress of one name are two proxies", async () => {
    const egress = { type: "ZoneEgress", name: "edge", networking: { address: "127.0.0.1", port: 10002 } };
    const nodes = [nodeOf(ingress("edge")), nodeOf(egress)];
    for (const node of nodes) lifecycle.connect(node, lifecycle.resolve(node).resource);
    for (const node of nodes) await lifecycle.publish(node.nodeId);
    lifecycle.disconnect(nodes[0]!.nodeId);
    await eventually(() => store.get("ZoneIngress", "", "edge") === undefined);
    expect(store.get("ZoneEgress", "", "edge")).toBeDefined();
  });

  test("an inbound with a probe starts as not ready, and as it was when its proxy comes back", async () => {
    const probed = dataplane("web-1", { inbound: [{ port: 8080, tags: { "kuma.io/service": "web" }, serviceProbe: { tcp: {} } }] });
    await connect(lifecycle, probed);
    const stored = store.get<DataplaneSpec>("Dataplane", "default", "web-1")!;
    expect(stored.spec.networking.inbound![0]).toMatchObject({ state: "NotReady", health: {} });
    const { state: _state, ...inbound } = stored.spec.networking.inbound![0]!;
    const ready = { ...stored.spec, networking: { ...stored.spec.networking, inbound: [{ ...inbound, health: { ready: true } }] } };
    await store.put({ ...stored, spec: ready });
    expect((lifecycle.resolve(nodeOf(probed)).resource.spec as DataplaneSpec).networking.inbound).toEqual(ready.networking.inbound);
  });

  const refusals: [string, () => unknown, RegExp][] = [
    ["a mesh that does not exist", () => nodeOf({ ...dataplane("web-1"), mesh: "other" }), /^mesh "other" does not exist$/],
    ["a proxy that is not stored", () => nodeOf(dataplane("web-1"), { brought: false }), /^Dataplane "web-1" is not found$/],
    ["a name that is none", () => nodeOf(dataplane("Web_1")), /^name: invalid characters/],
    ["another zone's label", () => nodeOf({ ...dataplane("web-1"), labels: { "kuma.io/zone": "west" } } as never), /kuma\.io\/zone/],
  ];
  test.each(refusals)("%s is refused", (_what, node, reason) => {
    const resolve = () => lifecycle.resolve(node() as never);
    expect(resolve).toThrow(RegistrationError);
    expect(resolve).toThrow(reason);
  });

  test("a mesh's constraints keep a dataplane out", () => {
    const constraints = { dataplaneProxy: { requirements: [{ tags: { team: "*" } }] } };
    config.put({ type: "Mesh", name: "default", constraints });
    expect(() => lifecycle.resolve(nodeOf(dataplane("web-1")))).toThrow(/^networking.inbound\[0\].tags: /);
  });
});

describe("going away", () => {
  test("what a proxy brought is removed after the delay, and not before", async () => {
    const nodeId = await connect(lifecycle, dataplane("web-1"));
    await eventually(() => insightOf("web-1"));
    lifecycle.disconnect(nodeId);
    await eventually(() => !isOnline(insightOf("web-1")) && insightOf("web-1"));
    expect(records("web-1")).toEqual([true, true, true]);
    await eventually(() => records("web-1").every((one) => !one));
  });

  test("a stored resource that a proxy did not bring stays, and is offline", async () => {
    await store.put(draft(dataplane("web-1")));
    lifecycle.disconnect(await connect(lifecycle, dataplane("web-1"), { brought: false }));
    await eventually(() => insightOf("web-1")?.subscriptions?.[0]?.disconnectTime);
    await delay(120);
    expect(records("web-1")).toEqual([true, false, true]);
  });

  test("a proxy that is back in time stays registered, with both subscriptions", async () => {
    lifecycle.disconnect(await connect(lifecycle, dataplane("web-1")));
    await connect(lifecycle, dataplane("web-1"));
    await delay(120);
    expect(records("web-1")).toEqual([true, true, true]);
    const subscriptions = insightOf("web-1")!.subscriptions!;
    expect(subscriptions.map((one) => one.disconnectTime === undefined)).toEqual([false, true]);
  });

  test("a proxy is known to nobody before it is published, and leaves nothing if its stream ends before", async () => {
    const node = nodeOf(dataplane("web-1"));
    lifecycle.connect(node, lifecycle.resolve(node).resource);
    lifecycle.count(node.nodeId, "type.googleapis.com/envoy.config.listener.v3.Listener", "responsesSent");
    await delay(20);
    expect(records("web-1")).toEqual([false, false, false]);
    lifecycle.disconnect(node.nodeId);
    await lifecycle.publish(node.nodeId);
    expect(records("web-1")).toEqual([false, false, false]);
  });

  test("what was counted before a proxy was published is in its insight", async () => {
    const node = nodeOf(dataplane("web-1"));
    lifecycle.connect(node, lifecycle.resolve(node).resource);
    lifecycle.count(node.nodeId, "type.googleapis.com/envoy.config.listener.v3.Listener", "responsesSent");
    await lifecycle.publish(node.nodeId);
    await eventually(() => insightOf("web-1")?.subscriptions?.[0]?.status.lds.responsesSent === "1");
  });

  test("a proxy that says it leaves is offline, and stays so until its stream ends; its resource stays until then", async () => {
    const nodeId = await connect(lifecycle, dataplane("web-1"));
    await eventually(() => isOnline(insightOf("web-1")));
    expect(await lifecycle.leave({ proxyType: "dataplane", mesh: "default", name: "web-1" })).toBe(true);
    expect(isOnline(insightOf("web-1"))).toBe(false);
    lifecycle.count(nodeId, "type.googleapis.com/envoy.config.listener.v3.Listener", "responsesSent");
    await delay(120);
    expect([isOnline(insightOf("web-1")), ...records("web-1")]).toEqual([false, true, true, true]);
    lifecycle.disconnect(nodeId);
    await eventually(() => records("web-1").every((one) => !one));
    expect(await lifecycle.leave({ proxyType: "dataplane", mesh: "default", name: "web-1" })).toBe(false);
  });

  test("a proxy may say so to another replica, and come back", async () => {
    const { store: otherStore } = await openZone(log);
    closing.unshift(otherStore);
    const other = newLifecycle("xds-2", otherStore);
    const nodeId = await connect(lifecycle, dataplane("web-1"));
    await eventually(() => isOnline(insightOf("web-1", otherStore)));
    expect(await other.leave({ proxyType: "dataplane", mesh: "default", name: "web-1" })).toBe(true);
    await eventually(() => !isOnline(insightOf("web-1")));
    lifecycle.disconnect(nodeId);
    await connect(lifecycle, dataplane("web-1"));
    await eventually(() => isOnline(insightOf("web-1")));
    await delay(40);
    expect(isOnline(insightOf("web-1"))).toBe(true);
  });

  test("a stream that ends while its proxy is being registered leaves nobody online", async () => {
    const node = nodeOf(dataplane("web-1"));
    lifecycle.connect(node, lifecycle.resolve(node).resource);
    const publishing = lifecycle.publish(node.nodeId);
    lifecycle.disconnect(node.nodeId);
    await publishing;
    await eventually(() => records("web-1").every((one) => !one));
  });
});

describe("several replicas", () => {
  test("a proxy that moves is not removed by the replica it left, but by the one it is at", async () => {
    const { store: otherStore } = await openZone(log);
    closing.unshift(otherStore);
    const other = newLifecycle("xds-2", otherStore);
    lifecycle.disconnect(await connect(lifecycle, dataplane("web-1")));
    await connect(other, dataplane("web-1"));
    await delay(120);
    expect(records("web-1")).toEqual([true, true, true]);
    expect(insightOf("web-1")!.subscriptions!.map((one) => [one.controlPlaneInstanceId, one.disconnectTime === undefined])).toEqual([
      ["xds-1", false],
      ["xds-2", true],
    ]);
    other.disconnect("default.web-1");
    await eventually(() => records("web-1").every((one) => !one));
  });

  test("another replica's late removal is undone for a connected proxy, with the health it had", async () => {
    const probed = dataplane("web-1", { inbound: [{ port: 8080, tags: { "kuma.io/service": "web" }, serviceProbe: { tcp: {} } }] });
    await connect(lifecycle, probed);
    await eventually(() => insightOf("web-1"));
    const stored = store.get<DataplaneSpec>("Dataplane", "default", "web-1")!;
    const { state: _state, ...inbound } = stored.spec.networking.inbound![0]!;
    const spec = { ...stored.spec, networking: { ...stored.spec.networking, inbound: [{ ...inbound, health: { ready: true } }] } };
    await store.put({ ...stored, spec });
    await store.delete({ type: "Dataplane", mesh: "default", name: "web-1" });
    await store.delete({ type: "DataplaneInsight", mesh: "default", name: "web-1" });
    await store.delete({ type: "ProxyRegistration", mesh: "default", name: "dataplane.web-1" });
    await eventually(() => records("web-1").every(Boolean));
    expect(store.get<DataplaneSpec>("Dataplane", "default", "web-1")!.spec).toEqual(spec);
    expect(isOnline(insightOf("web-1"))).toBe(true);
  });

  test("the proxies of a replica that is gone for good are taken over", async () => {
    await connect(lifecycle, dataplane("web-1"));
    await store.put(draft(dataplane("web-2")));
    await connect(lifecycle, dataplane("web-2"), { brought: false });
    await eventually(() => isOnline(insightOf("web-1")) && isOnline(insightOf("web-2")));
    lifecycle.close();
    const other = newLifecycle("xds-2");
    await delay(120);
    expect(records("web-1")).toEqual([true, true, true]);
    other.adopt("xds-1");
    await eventually(() => records("web-1").every((one) => !one) && !isOnline(insightOf("web-2")));
    expect(records("web-2")).toEqual([true, false, true]);
  });
});

describe("a restart of the server", () => {
  test("what it served when it was killed gets the same time to come back as any other", async () => {
    for (const name of ["web-1", "web-2"]) await connect(lifecycle, dataplane(name));
    await store.put(draft(dataplane("web-3")));
    await connect(lifecycle, dataplane("web-3"), { brought: false });
    await eventually(() => ["web-1", "web-2", "web-3"].every((name) => isOnline(insightOf(name))));
    lifecycle.close();
    const next = newLifecycle("xds-1");
    expect(isOnline(insightOf("web-1"))).toBe(true);
    await connect(next, dataplane("web-1"));
    await eventually(() => records("web-2").every((one) => !one) && !isOnline(insightOf("web-3")));
    expect(records("web-1")).toEqual([true, true, true]);
    expect(isOnline(insightOf("web-1"))).toBe(true);
  });

  test("a server that closes leaves its proxies online", async () => {
    const nodeId = await connect(lifecycle, dataplane("web-1"));
    await eventually(() => isOnline(insightOf("web-1")));
    lifecycle.close();
    lifecycle.disconnect(nodeId);
    await delay(120);
    expect(records("web-1")).toEqual([true, true, true]);
    expect(isOnline(insightOf("web-1"))).toBe(true);
  });
});

test("while the log takes no records, a proxy that it has is served and a new one is not; what was missed follows", async () => {
  await store.put(lifecycle.resolve(nodeOf(dataplane("web-1"))).resource);
  let broken = true;
  const put = store.put.bind(store);
  store.put = async (resource, options) => {
    const present = store.get(resource.type, resource.mesh, resource.name);
    if (broken && JSON.stringify(present?.spec) !== JSON.stringify(resource.spec)) throw new LogError("unavailable", "no log");
    return put(resource, options);
  };
  const nodeId = await connect(lifecycle, dataplane("web-1"));
  await expect(connect(lifecycle, dataplane("web-2"))).rejects.toThrow("no log");
  broken = false;
  lifecycle.count(nodeId, "type.googleapis.com/envoy.config.cluster.v3.Cluster", "responsesSent");
  await eventually(() => insightOf("web-1")?.subscriptions?.[0]?.status.cds.responsesSent === "1", { limitMs: 8_000 });
});

test("responses are counted per type, and certificates are recorded", async () => {
  const nodeId = await connect(lifecycle, dataplane("web-1"));
  const cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  lifecycle.count(nodeId, cluster, "responsesSent");
  lifecycle.count(nodeId, cluster, "responsesRejected");
  lifecycle.count(nodeId, "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "responsesSent");
  lifecycle.count(nodeId, "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "responsesAcknowledged");
  const issued = { expires: new Date("2026-02-01T00:00:00Z"), backend: "ca-1", supportedBackends: ["ca-1"] };
  lifecycle.recordCertificate(nodeId, issued);
  lifecycle.recordCertificate(nodeId, issued);
  const insight = await eventually(() => insightOf("web-1")?.mTLS && insightOf("web-1"));
  expect(insight.mTLS).toMatchObject({
    certificateExpirationTime: "2026-02-01T00:00:00.000Z",
    certificateRegenerations: 2,
    issuedBackend: "ca-1",
  });
  expect(insight.subscriptions![0]!.status).toMatchObject({
    total: { responsesSent: "2", responsesRejected: "1", responsesAcknowledged: "1" },
    cds: { responsesSent: "1", responsesRejected: "1" },
    rds: { responsesAcknowledged: "1" },
    eds: {},
  });
  const egress = await connect(lifecycle, { ...ingress("out-1"), type: "ZoneEgress" } as never);
  lifecycle.recordCertificate(egress, issued);
  lifecycle.count(egress, cluster, "responsesSent");
  const seen = await eventually(() => {
    const spec = store.get<InsightSpec>("ZoneEgressInsight", "", "out-1")?.spec;
    return spec?.subscriptions?.at(-1)?.status.cds.responsesSent === "1" ? spec : undefined;
  });
  expect(seen).not.toHaveProperty("mTLS");
});
