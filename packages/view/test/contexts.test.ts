import { expect, test } from "vitest";
import { buildProxyView, MeshContexts, reuseEqual } from "../src/index.ts";
import type { ProxyRef, ProxyView, ViewInputs } from "../src/index.ts";
import { reader, resource } from "./world.ts";

const mtls = { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] };
const service = "kuma.io/service";
const dataplane = (name: string, address: string, outbound: object[] = []) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  networking: { address, inbound: [{ port: 80, tags: { [service]: name.split("-")[0], "kuma.io/protocol": "http" } }], outbound },
});
const toApi = [{ port: 9001, tags: { [service]: "api" } }];
const toOther = [...toApi, { port: 9002, tags: { [service]: "gw", "kuma.io/mesh": "other" } }];

/** A zone whose documents can be replaced under the feet of its contexts. */
function zone(documents: ({ type: string } & Record<string, unknown>)[]) {
  const inputs = (): ViewInputs => {
    const all = reader(documents.map((document) => resource(document)));
    return {
      zone: "zone-1",
      config: all,
      zoneResources: all,
      inventory: {
        zones: () => ["zone-2"],
        entries: () => [{ mesh: "other", tags: { [service]: "gw", "kuma.io/mesh": "other" }, instances: 1 }],
        ingresses: () => [{ advertisedAddress: "10.2.0.9", advertisedPort: 10001 }],
      },
    };
  };
  let now = inputs();
  const contexts = new MeshContexts({
    zone: "zone-1",
    config: { get: (...key) => now.config.get(...key), list: (...key) => now.config.list(...key) },
    zoneResources: { get: (...key) => now.zoneResources.get(...key), list: (...key) => now.zoneResources.list(...key) },
    inventory: now.inventory,
  });
  const change = (document: { type: string; mesh?: string; name: string } & Record<string, unknown>): void => {
    documents = [...documents.filter((one) => one.type !== document.type || one.name !== document.name), document];
    now = inputs();
    const { type, mesh = "", name } = document;
    contexts.configChanged([{ type, mesh, name }]);
    contexts.zoneChanged([{ type, mesh, name }]);
  };
  const build = (name: string): ProxyView => buildProxyView(contexts, { type: "dataplane", mesh: "default", name } satisfies ProxyRef)!;
  return { build, change };
}

const documents = [
  { type: "Mesh", name: "default", mtls },
  { type: "Mesh", name: "other", mtls },
  dataplane("web-1", "10.0.0.1", toOther),
  dataplane("web-2", "10.0.0.2", toOther),
  dataplane("api-1", "10.0.0.3"),
];
const cluster = (view: ProxyView, name: string) => view.clusters.find((one) => one.name === name);
const endpoints = (view: ProxyView, name: string) => view.endpoints.find((one) => one.cluster === name);

test("proxies of one mesh share clusters and endpoint sets", () => {
  const { build } = zone(documents);
  const [one, two] = [build("web-1"), build("web-2")];
  expect(cluster(one, "api")).toBe(cluster(two, "api"));
  expect(endpoints(one, "api")).toBe(endpoints(two, "api"));
});

test("after a change, what is equal keeps its identity and the rest is new", () => {
  const { build, change } = zone(documents);
  const before = build("web-1");
  change(dataplane("api-2", "10.0.0.4"));
  const after = build("web-1");
  expect(cluster(after, "api")).toBe(cluster(before, "api"));
  expect(endpoints(after, "api")).not.toBe(endpoints(before, "api"));
  expect(endpoints(after, "api")?.localities[0]?.endpoints.map(({ address }) => address)).toEqual(["10.0.0.3", "10.0.0.4"]);
});

test("zone egress switched on in the calling mesh alone moves its cross-mesh traffic", () => {
  const { build, change } = zone(documents);
  const name = cluster(build("web-1"), build("web-1").clusters.find((one) => one.name.endsWith("_other"))!.name)!.name;
  expect(endpoints(build("web-1"), name)?.localities[0]?.endpoints[0]?.address).toBe("10.2.0.9");
  change({ type: "Mesh", name: "default", mtls, routing: { zoneEgress: true } });
  expect(endpoints(build("web-1"), name)?.localities).toEqual([]);
});

test("an equal view is the former one, and a changed one shares what did not change", () => {
  const { build, change } = zone(documents);
  const before = build("web-1");
  change({
    type: "Timeout",
    mesh: "default",
    name: "t",
    sources: [{ match: { [service]: "other" } }],
    destinations: [{ match: { [service]: "*" } }],
    conf: { connectTimeout: "1s" },
  });
  expect(reuseEqual(before, build("web-1"))).toBe(before);
  change({
    type: "TrafficPermission",
    mesh: "default",
    name: "p",
    sources: [{ match: { [service]: "*" } }],
    destinations: [{ match: { [service]: "web" } }],
  });
  const after = reuseEqual(before, build("web-1"));
  expect(after).not.toBe(before);
  expect(after.clusters).toBe(before.clusters);
  const changed = after.listeners.filter((listener) => !before.listeners.includes(listener)).map(({ name }) => name);
  expect(changed).toEqual(["inbound:10.0.0.1:80"]);
});

test("a mesh that is gone takes its proxies' views with it", () => {
  const { build } = zone(documents.slice(1));
  expect(build("web-1")).toBeUndefined();
});

test("sidecars of one service share their outbounds, also where a TrafficRoute routes them; a policy that means one of them by its name tells it apart", () => {
  const every = [{ match: { [service]: "*" } }];
  const route = {
    type: "TrafficRoute",
    mesh: "default",
    name: "all",
    sources: every,
    destinations: every,
    conf: { destination: { [service]: "*" } },
  };
  const { build, change } = zone([...documents, dataplane("web-3", "10.0.0.4", toOther), route]);
  const outbound = (name: string) => {
    const { listeners, routes, clusters } = build(name);
    return [listeners.find(({ direction }) => direction === "outbound"), routes[0], clusters.find((one) => one.name === "api")];
  };
  const shared = (one: string, other: string): boolean[] => outbound(one).map((part, index) => part === outbound(other)[index]);
  expect(shared("web-1", "web-2")).toEqual([true, true, true]);
  const before = outbound("web-1");
  change({
    ...{ type: "Timeout", mesh: "default", name: "all", sources: every, destinations: every },
    conf: { connectTimeout: "3s" },
  });
  expect(shared("web-1", "web-2")).toEqual([true, true, true]);
  // The Timeout says something of the cluster, and of the others nothing new.
  expect(outbound("web-1")[2]).not.toEqual(before[2]);
  expect(shared("web-1", "web-3")).toEqual([true, true, true]);
  change({
    ...{ type: "MeshRetry", mesh: "default", name: "one" },
    spec: { targetRef: { kind: "Dataplane", name: "web-1" }, to: [{ targetRef: { kind: "Mesh" }, default: { http: { numRetries: 7 } } }] },
  });
  expect(shared("web-2", "web-3")).toEqual([true, true, true]);
  expect(JSON.stringify(outbound("web-1"))).toContain('"numRetries":7');
  expect(JSON.stringify(outbound("web-2"))).not.toContain('"numRetries":7');
});
