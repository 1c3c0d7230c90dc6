import { MemoryInventory } from "@atoll/inventory";
import type { ChangeEvent } from "@atoll/replica";
import { keyString, parseDocument, type Resource } from "@atoll/resource";
import { SnapshotCache, type Snapshot } from "@atoll/xds";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Compiler, SecretMaterials, type CompileRound } from "../src/index.ts";

/** A folded state that a test changes document by document. */
class FakeState {
  revision = 0;
  readonly #resources = new Map<string, Resource>();
  readonly #listeners = new Set<(event: ChangeEvent) => void>();

  put(document: Record<string, unknown>): void {
    const parsed = parseDocument(document);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    const time = new Date(Date.UTC(2026, 0, 1)).toISOString();
    const resource: Resource = { ...parsed.resource, creationTime: time, modificationTime: time, revision: ++this.revision };
    this.#resources.set(keyString(resource), resource);
    for (const listener of this.#listeners) listener({ revision: this.revision, keys: [keyString(resource)] });
  }

  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#resources.get(keyString({ type, mesh, name })) as Resource<Spec> | undefined;
  }

  list<Spec>(type: string, mesh?: string): Resource<Spec>[] {
    const found = [...this.#resources.values()].filter((one) => one.type === type && (mesh === undefined || one.mesh === mesh));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1)) as Resource<Spec>[];
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const route = (path: string) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "edge",
  selectors: [{ match: { "kuma.io/service": "edge" } }],
  conf: {
    http: {
      rules: [
        { matches: [{ path: { match: "PREFIX", value: path } }], backends: [{ weight: 1, destination: { "kuma.io/service": "echo" } }] },
      ],
    },
  },
});

let config: FakeState;
let cache: SnapshotCache;
let compiler: Compiler;
let rounds: CompileRound[];

beforeEach(async () => {
  config = new FakeState();
  const zoneResources = new FakeState();
  cache = new SnapshotCache();
  rounds = [];
  config.put({ type: "Mesh", name: "default" });
  config.put({
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
  });
  config.put(route("/one"));
  zoneResources.put({
    type: "Dataplane",
    mesh: "default",
    name: "edge-1",
    networking: { address: "127.0.0.1", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  });
  zoneResources.put({
    type: "Dataplane",
    mesh: "default",
    name: "echo-1",
    networking: { address: "127.0.0.1", inbound: [{ port: 9000, tags: { "kuma.io/service": "echo", "kuma.io/protocol": "http" } }] },
  });
  const fail = (error: unknown) => {
    throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onError: fail });
  compiler = new Compiler({
    zone: "zone-1",
    config,
    zoneResources,
    inventory: new MemoryInventory(),
    materials,
    cache,
    onError: fail,
    onRound: (round) => rounds.push(round),
  });
  compiler.connect("default.edge-1", { type: "dataplane", mesh: "default", name: "edge-1" });
  compiler.connect("default.echo-1", { type: "dataplane", mesh: "default", name: "echo-1" });
  await Promise.resolve();
});

afterEach(() => compiler.close());

const partsOf = (snapshot: Snapshot | undefined) =>
  new Map([...snapshot!.resources].flatMap(([typeUrl, named]) => [...named].map(([name, one]) => [`${typeUrl}/${name}`, one])));

test("a changed route changes the gateway's routes alone; all other resources keep their bytes", async () => {
  const before = partsOf(cache.get("default.edge-1"));
  config.put(route("/two"));
  await Promise.resolve();
  const after = partsOf(cache.get("default.edge-1"));
  expect([...after.keys()]).toEqual([...before.keys()]);
  const changed = [...after].filter(([key, one]) => one !== before.get(key)).map(([key]) => key);
  expect(changed).toHaveLength(1);
  expect(changed[0]).toContain("RouteConfiguration/");
});

test("a proxy whose view comes out equal keeps its resources and is at the new revision", async () => {
  const before = cache.get("default.echo-1")!;
  config.put(route("/two"));
  await Promise.resolve();
  const after = cache.get("default.echo-1")!;
  expect(after.resources).toBe(before.resources);
  expect([before.revision, after.revision]).toEqual([3, 4]);
  expect(rounds.at(-1)).toMatchObject({ revision: 4, proxies: 2, built: 2, changed: 1 });
});

test("a change of another mesh builds nothing, and advances everybody", async () => {
  config.put({ type: "Mesh", name: "other" });
  await Promise.resolve();
  expect(rounds.at(-1)).toMatchObject({ revision: 4, built: 0, changed: 0 });
  expect(cache.get("default.edge-1")!.revision).toBe(4);
});
