import { MemoryInventory } from "@atoll/inventory";
import { SnapshotCache, type Snapshot } from "@atoll/xds";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Compiler, SecretMaterials, type CompileRound } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const service = "kuma.io/service";
const route = (path: string) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "edge",
  selectors: [{ match: { [service]: "edge" } }],
  conf: {
    http: {
      rules: [{ matches: [{ path: { match: "PREFIX", value: path } }], backends: [{ weight: 1, destination: { [service]: "echo" } }] }],
    },
  },
});
const gateway = (mesh: string, listener: object = { port: 8080, protocol: "HTTP" }) => ({
  type: "MeshGateway",
  mesh,
  name: "edge",
  selectors: [{ match: { [service]: "edge" } }],
  conf: { listeners: [listener] },
});
const edge = (networking: object = {}) => ({
  type: "Dataplane",
  mesh: "default",
  name: "edge-1",
  networking: { address: "127.0.0.1", gateway: { type: "BUILTIN", tags: { [service]: "edge" } }, ...networking },
});
const echo = (name: string, networking: object = {}) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  networking: { address: "127.0.0.1", inbound: [{ port: 9000, tags: { [service]: "echo", "kuma.io/protocol": "http" } }], ...networking },
});

let config: FakeState;
let zone: FakeState;
let cache: SnapshotCache;
let compiler: Compiler;
let rounds: CompileRound[];
let errors: string[];
let resolving: Map<string, string[]>;

beforeEach(async () => {
  config = new FakeState();
  zone = new FakeState();
  cache = new SnapshotCache();
  rounds = [];
  errors = [];
  resolving = new Map();
  config.put({ type: "Mesh", name: "default" });
  config.put(gateway("default"));
  config.put(route("/one"));
  zone.put(edge(), echo("echo-1"));
  const onError = (error: unknown) => void errors.push((error as Error).message);
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError });
  compiler = new Compiler({
    zone: "zone-1",
    config,
    zoneResources: zone,
    inventory: new MemoryInventory(),
    materials,
    cache,
    hosts: {
      refreshMs: 10,
      resolve: async (host) => {
        const found = resolving.get(host);
        if (found === undefined) throw new Error("ENOTFOUND");
        return found;
      },
    },
    onError,
    onRound: (round) => rounds.push(round),
  });
  compiler.connect("default.edge-1", { type: "dataplane", mesh: "default", name: "edge-1" });
  compiler.connect("default.echo-1", { type: "dataplane", mesh: "default", name: "echo-1" });
  await settle();
});

afterEach(() => compiler.close());

/** Waits until everything is built; answers how many turns of the event loop that took. */
async function settle(): Promise<number> {
  let turns = 0;
  for (; !compiler.idle; turns++) await new Promise((resolve) => setImmediate(resolve));
  return turns;
}

const partsOf = (snapshot: Snapshot | undefined) =>
  new Map([...snapshot!.resources].flatMap(([typeUrl, named]) => [...named].map(([name, one]) => [`${typeUrl}/${name}`, one])));
const typesOf = (snapshot: Snapshot | undefined) =>
  new Map([...snapshot!.resources].map(([url, named]) => [url.slice(url.lastIndexOf(".") + 1), named]));
const endpointsOf = (nodeId: string) =>
  compiler.view(nodeId)!.endpoints.flatMap(({ localities }) => localities.flatMap((one) => one.endpoints.map(({ address }) => address)));

test("an explanation names what made the routes, at which revision, and leaves what was built alone", async () => {
  const before = cache.get("default.edge-1");
  const explanation = compiler.explain("default.edge-1");
  expect(explanation).toMatchObject({ kind: "gateway", revision: config.revision, acknowledged: 0 });
  const routes = explanation!.routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes));
  expect(routes.map(({ from }) => from.map(({ type, name }) => `${type} ${name}`))).toContainEqual(["MeshGatewayRoute edge"]);
  expect(compiler.explain("default.nobody")).toBeUndefined();
  config.put({ type: "Mesh", name: "unrelated" });
  await settle();
  expect(partsOf(cache.get("default.edge-1"))).toEqual(partsOf(before));
});

describe("a changed route", () => {
  test("changes the gateway's routes alone; all other resources keep their bytes, and other types their map", async () => {
    const before = cache.get("default.edge-1");
    config.put(route("/two"));
    await settle();
    const after = cache.get("default.edge-1");
    const [old, now] = [partsOf(before), partsOf(after)];
    expect([...now.keys()]).toEqual([...old.keys()]);
    const changed = [...now].filter(([key, one]) => one !== old.get(key)).map(([key]) => key);
    expect(changed).toEqual([expect.stringContaining("RouteConfiguration/")]);
    const replaced = [...typesOf(after)].filter(([type, named]) => named !== typesOf(before).get(type)).map(([type]) => type);
    expect(replaced).toEqual(["RouteConfiguration"]);
  });

  test("builds the gateway alone; a sidecar is at the new revision as it is", async () => {
    const before = cache.get("default.echo-1")!;
    config.put(route("/two"));
    await settle();
    const after = cache.get("default.echo-1")!;
    expect(after.resources).toBe(before.resources);
    expect(after).toBe(before);
    expect(cache.revision("default.echo-1")).toBe(4);
    expect(rounds.at(-1)).toMatchObject({ revision: 4, proxies: 2, built: 1, changed: 1 });
  });
});

test("a rebuild that comes out equal sets nothing but the revision", async () => {
  const before = cache.get("default.edge-1")!;
  config.put(route("/one"));
  await settle();
  expect(rounds.at(-1)).toMatchObject({ revision: 4, built: 1, changed: 0 });
  expect(cache.revision("default.edge-1")).toBe(4);
  expect(cache.get("default.edge-1")!.resources).toBe(before.resources);
  compiler.rebuild("default.edge-1");
  await settle();
  expect(rounds.at(-1)).toMatchObject({ built: 1, changed: 0 });
});

test("a change of another mesh builds nothing, and advances everybody", async () => {
  config.put({ type: "Mesh", name: "other" });
  await settle();
  expect(rounds.at(-1)).toMatchObject({ revision: 4, built: 0, changed: 0 });
  expect(cache.revision("default.edge-1")).toBe(4);
});

test("many proxies are built in turns: others go on meanwhile, gateways come first, and a change in between is part of it", async () => {
  const names = Array.from({ length: 400 }, (_, index) => `many-${index}`);
  zone.put(
    ...names.map((name, index) =>
      echo(name, { address: `10.0.${index >> 8}.${index & 255}`, outbound: [{ port: 1, tags: { [service]: "echo" } }] }),
    ),
  );
  for (const name of names) compiler.connect(`default.${name}`, { type: "dataplane", mesh: "default", name });
  await settle();
  const revisions = () => names.map((name) => cache.revision(`default.${name}`));
  rounds = [];
  const anybody = [{ match: { [service]: "*" } }];
  const timeout = {
    type: "Timeout",
    mesh: "default",
    name: "all",
    sources: anybody,
    destinations: anybody,
    conf: { connectTimeout: "7s" },
  };
  config.put(gateway("default", { port: 8081, protocol: "HTTP" }), timeout);
  await Promise.resolve();
  expect(cache.revision("default.edge-1")).toBe(config.revision);
  expect(revisions().at(-1)).toBeLessThan(config.revision);
  config.put(route("/two"));
  expect(await settle()).toBeGreaterThan(1);
  expect(new Set(revisions())).toEqual(new Set([config.revision]));
  expect(rounds).toEqual([expect.objectContaining({ revision: config.revision, proxies: 402 })]);
});

test("changes of one turn are one round", async () => {
  const before = rounds.length;
  config.put(route("/two"));
  config.put(route("/three"));
  zone.put(echo("echo-2", { address: "127.0.0.2" }));
  await settle();
  expect(rounds.slice(before)).toHaveLength(1);
});

test("a proxy that cannot be built keeps its snapshot and its revision, whatever else changes, until it can", async () => {
  const before = cache.get("default.edge-1")!;
  config.put({ type: "Mesh", name: "third" });
  await settle();
  zone.delete("Dataplane", "default", "edge-1");
  await settle();
  config.put({ type: "Mesh", name: "other" });
  await settle();
  expect(cache.get("default.edge-1")!.resources).toBe(before.resources);
  expect([cache.revision("default.edge-1"), cache.revision("default.echo-1")]).toEqual([4, 5]);
  zone.put(edge());
  await settle();
  expect(cache.revision("default.edge-1")).toBe(5);
});

test("a proxy that is gone leaves no snapshot", async () => {
  compiler.disconnect("default.edge-1");
  config.put(route("/two"));
  await settle();
  expect(cache.nodeIds()).toEqual(["default.echo-1"]);
});

test("a dataplane that goes offline leaves the endpoints, and comes back; an insight that says nothing new builds nothing", async () => {
  zone.put(echo("echo-2", { address: "127.0.0.2" }));
  await settle();
  expect(endpointsOf("default.edge-1")).toEqual(["127.0.0.1", "127.0.0.2"]);
  const insight = (disconnectTime?: string) =>
    zone.putDrafts({
      type: "DataplaneInsight",
      mesh: "default",
      name: "echo-2",
      spec: { subscriptions: [{ connectTime: "2026-01-01T00:00:00Z", ...(disconnectTime && { disconnectTime }) }] },
    });
  const before = rounds.length;
  insight();
  await settle();
  expect(rounds.slice(before).map(({ built }) => built)).toEqual([0]);
  insight("2026-01-01T00:01:00Z");
  await settle();
  expect(endpointsOf("default.edge-1")).toEqual(["127.0.0.1"]);
  insight();
  await settle();
  expect(endpointsOf("default.edge-1")).toEqual(["127.0.0.1", "127.0.0.2"]);
});

describe("host names in addresses", () => {
  const named = () => zone.put(echo("echo-2", { address: "echo.test" }));

  test("are dialled by their first IP address, as soon as they have one, and by another when that changes", async () => {
    named();
    await settle();
    expect(endpointsOf("default.edge-1")).toEqual(["127.0.0.1"]);
    resolving.set("echo.test", ["10.0.0.9", "10.0.0.3"]);
    await expect.poll(() => endpointsOf("default.edge-1")).toEqual(["10.0.0.3", "127.0.0.1"]);
    resolving.set("echo.test", ["10.0.0.4"]);
    await expect.poll(() => endpointsOf("default.edge-1")).toEqual(["10.0.0.4", "127.0.0.1"]);
  });

  test("keep their address while they cannot be resolved", async () => {
    resolving.set("echo.test", ["10.0.0.3"]);
    named();
    await expect.poll(() => endpointsOf("default.edge-1")).toEqual(["10.0.0.3", "127.0.0.1"]);
    resolving.clear();
    const before = rounds.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rounds.length).toBe(before);
    expect(endpointsOf("default.edge-1")).toEqual(["10.0.0.3", "127.0.0.1"]);
  });

  test("of a proxy itself: it gets its configuration when its name is known, with the IP address", async () => {
    named();
    compiler.connect("default.echo-2", { type: "dataplane", mesh: "default", name: "echo-2" });
    await settle();
    expect(cache.get("default.echo-2")).toBeUndefined();
    resolving.set("echo.test", ["10.0.0.3"]);
    await expect.poll(() => cache.get("default.echo-2")).toBeDefined();
    expect(compiler.view("default.echo-2")!.listeners.map(({ address }) => address)).toContain("10.0.0.3");
  });
});

test("a Timeout for all encodes one cluster for each service that is called, however many proxies call it, and each proxy's own", async () => {
  const every = [{ match: { [service]: "*" } }];
  config.put({
    type: "TrafficRoute",
    mesh: "default",
    name: "all",
    sources: every,
    destinations: every,
    conf: { destination: { [service]: "*" } },
  });
  const timeout = (connectTimeout: string) => ({
    ...{ type: "Timeout", mesh: "default", name: "all", sources: every, destinations: every },
    conf: { connectTimeout },
  });
  config.put(timeout("5s"));
  const names = Array.from({ length: 40 }, (_, index) => `app-${index}`);
  const caller = (index: number) => ({
    ...{ type: "Dataplane", mesh: "default", name: `app-${index}` },
    networking: {
      address: `10.0.0.${index}`,
      inbound: [{ port: 8080, tags: { [service]: `service-${index % 4}`, "kuma.io/protocol": "http" } }],
      outbound: [0, 1].map((at) => ({ port: 20_000 + at, tags: { [service]: `service-${(index + at) % 4}` } })),
    },
  });
  zone.put(...names.map((_, index) => caller(index)));
  for (const name of names) compiler.connect(`default.${name}`, { type: "dataplane", mesh: "default", name });
  await settle();
  const encoded = (): Set<Uint8Array> => {
    const all = names.flatMap((name) => [...partsOf(cache.get(`default.${name}`)).values()]);
    return new Set(all.map(({ bytes }) => bytes));
  };
  const before = encoded();
  // Of each service two outbounds with a listener and routes; of all of them a cluster and endpoints, and of the admin interface a cluster; of
  // each proxy the listeners at its address and its local cluster.
  expect(before.size).toBeLessThanOrEqual(4 * 2 * 2 + 4 * 2 + 1 + 40 * 3);
  config.put(timeout("7s"));
  await settle();
  const fresh = [...encoded()].filter((bytes) => !before.has(bytes));
  // It says something of the connections to the workload, too.
  expect(fresh).toHaveLength(4 + 40);
  expect(rounds.at(-1)).toMatchObject({ changed: 41 });
});
