import { copyOf, differences } from "@atoll/replica";
import { parseKeyString } from "@atoll/resource";
import { SnapshotCache, type Snapshot } from "@atoll/xds";
import { afterEach, expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { differingResources, keyOfChange } from "../src/preview/resource-changes.ts";
import type { EncodedResources } from "../src/view-encoder.ts";
import { FakeState } from "./fake-state.ts";
import { MemoryInventory } from "@atoll/inventory";
import { proxies, RandomWorld } from "./random-world.ts";

const opened: Compiler[] = [];
afterEach(() => {
  for (const compiler of opened.splice(0)) compiler.close();
});

/** Secrets are as if they were there: a preview leaves them out. */
function compilerOf({ config, zone, inventory }: Pick<RandomWorld, "config" | "zone" | "inventory">, nodes = proxies) {
  const cache = new SnapshotCache();
  const onError = (error: unknown) => {
    throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError });
  materials.resolve = () => ({ resources: [], pending: [], failed: [] });
  const compiler = new Compiler({ zone: "zone-1", config, zoneResources: zone, inventory, materials, cache, onError });
  opened.push(compiler);
  for (const [nodeId, ref] of nodes) compiler.connect(nodeId, ref);
  return { cache, compiler };
}

const resourcesOf = (snapshot: Snapshot | undefined) => (snapshot?.resources ?? new Map()) as EncodedResources;
const nameOf = ([, { mesh, name }]: (typeof proxies)[number]) => `${mesh}/${name}`;

test.each(Array.from({ length: 3 }, (_, index) => index + 1))(
  "what is foretold of a change of the configuration is what it then does, byte for byte (seed %i)",
  async (seed) => {
    const world = new RandomWorld(seed);
    const { cache, compiler } = compilerOf(world);
    let foretold = 0;
    for (let turn = 0; turn < 100; turn++) {
      const { revision } = world.config;
      const before = copyOf(world.config);
      await compiler.settled();
      const had = new Map(proxies.map(([nodeId]) => [nodeId, resourcesOf(cache.get(nodeId))]));
      await world.change();
      await compiler.settled();
      if (world.config.revision === revision) continue;
      const changed = differences(before, copyOf(world.config)).map(({ key }) => parseKeyString(key));
      const { groups, unbuilt } = await compiler.preview(before, copyOf(world.config), changed);
      const happened = proxies.flatMap((proxy): [string, string][] => {
        const pairs = differingResources(had.get(proxy[0])!, resourcesOf(cache.get(proxy[0])));
        return pairs.length === 0 ? [] : [[nameOf(proxy), keyOfChange(pairs)]];
      });
      const predicted = groups.flatMap(({ key, proxies: of, resources }) =>
        resources.length === 0 ? [] : of.map(({ mesh, name }): [string, string] => [`${mesh}/${name}`, key]),
      );
      expect(predicted.sort(), `turn ${turn}`).toEqual(happened.sort());
      expect(unbuilt).toEqual([]);
      if (happened.length > 0) foretold++;
    }
    expect(foretold).toBeGreaterThan(15);
  },
);

const tags = (service: string) => ({ "kuma.io/service": service, "kuma.io/protocol": "http" });
const dataplane = (name: string, address: string, rest: object) => ({
  type: "Dataplane",
  mesh: "m",
  name,
  networking: { address, ...rest },
});
const any = [{ match: { "kuma.io/service": "*" } }];

function smallWorld() {
  const world = { config: new FakeState(), zone: new FakeState(), inventory: new MemoryInventory() };
  world.config.put(
    { type: "Mesh", name: "m", mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } },
    { type: "TrafficPermission", mesh: "m", name: "all", sources: any, destinations: any },
    { type: "TrafficRoute", mesh: "m", name: "all", sources: any, destinations: any, conf: { destination: { "kuma.io/service": "*" } } },
  );
  world.zone.put(
    dataplane("web-1", "10.0.0.1", { inbound: [{ port: 80, tags: tags("web") }] }),
    ...[1, 2, 3].map((n) =>
      dataplane(`client-${n}`, `10.0.1.${n}`, {
        inbound: [{ port: 80, tags: tags("client") }],
        outbound: [{ port: 1000, tags: { "kuma.io/service": "web" } }],
      }),
    ),
  );
  const nodes = ["web-1", "client-1", "client-2", "client-3"].map((name): (typeof proxies)[number] => [
    `m.${name}`,
    { type: "dataplane", mesh: "m", name },
  ]);
  return { world, ...compilerOf(world, nodes) };
}

async function foretell({ world, compiler }: ReturnType<typeof smallWorld>, change: (config: FakeState) => void) {
  await compiler.settled();
  const [before, proposed] = [copyOf(world.config), new FakeState()];
  for (const resource of before.all()) proposed.putDrafts(resource);
  change(proposed);
  const after = copyOf(proposed);
  return compiler.preview(
    before,
    after,
    differences(before, after).map(({ key }) => parseKeyString(key)),
  );
}

test("proxies with the same change are one group, with Envoy's own JSON of both sides", async () => {
  const small = smallWorld();
  const { groups, proxies: looked } = await foretell(small, (config) =>
    config.put({ type: "Timeout", mesh: "m", name: "t", sources: any, destinations: any, conf: { connectTimeout: "7s" } }),
  );
  expect(looked).toBe(4);
  const clients = groups.find(({ proxies: of }) => of.length === 3)!;
  expect(clients.proxies.map(({ type, mesh, name }) => `${type}/${mesh}/${name}`)).toEqual([1, 2, 3].map((n) => `Dataplane/m/client-${n}`));
  const cluster = clients.resources.find(({ type, name }) => type === "Cluster" && name === "web")!;
  expect([cluster.change, cluster.before, cluster.after]).toEqual([
    "updated",
    expect.not.objectContaining({ connectTimeout: "7s" }),
    expect.objectContaining({ name: "web", connectTimeout: "7s" }),
  ]);
  // Nobody was told: what is served is as it was.
  expect(small.world.config.get("Timeout", "m", "t")).toBeUndefined();
});

test("what reaches nobody says so", async () => {
  const { groups, unbuilt } = await foretell(smallWorld(), (config) => config.put({ type: "Mesh", name: "other" }));
  expect({ groups, unbuilt }).toEqual({ groups: [], unbuilt: [] });
});

test("who would be denied, what would be unreachable, which certificates and listeners are made anew", async () => {
  const denied = await foretell(smallWorld(), (config) =>
    config.put({
      ...{ type: "TrafficPermission", mesh: "m", name: "all" },
      sources: [{ match: { "kuma.io/service": "web" } }],
      destinations: any,
    }),
  );
  const web = denied.groups.find(({ proxies: of }) => of.some(({ name }) => name === "web-1"))!;
  expect(web.effects).toEqual({
    drained: ["inbound:10.0.0.1:80"],
    denied: [{ listener: "inbound:10.0.0.1:80", principals: [expect.any(String)] }],
  });
  const small = smallWorld();
  small.world.config.put({ type: "ExternalService", mesh: "m", name: "bank", tags: tags("bank"), networking: { address: "10.9.9.9:80" } });
  for (const n of [1, 2, 3]) {
    const outbound = [{ port: 1000, tags: { "kuma.io/service": "bank" } }];
    small.world.zone.put(dataplane(`client-${n}`, `10.0.1.${n}`, { inbound: [{ port: 80, tags: tags("client") }], outbound }));
  }
  const dead = await foretell(small, (config) => config.delete("ExternalService", "m", "bank"));
  expect(dead.groups.find(({ proxies: of }) => of.length === 3)?.effects).toMatchObject({ unreachable: ["bank"] });
  const plain = await foretell(smallWorld(), (config) => config.put({ type: "Mesh", name: "m" }));
  expect(plain.groups.flatMap(({ effects }) => effects.denied ?? [])).toEqual([]);
});

test("a mesh that goes takes everything from its proxies", async () => {
  const { groups } = await foretell(smallWorld(), (config) => config.delete("Mesh", "m", ""));
  expect(groups).toEqual([]);
  const gone = await foretell(smallWorld(), (config) => config.delete("Mesh", "", "m"));
  expect(gone.groups.every(({ resources }) => resources.every(({ change }) => change === "deleted"))).toBe(true);
  expect(gone.groups.reduce((sum, { proxies: of }) => sum + of.length, 0)).toBe(4);
});
