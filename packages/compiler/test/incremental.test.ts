import { MemoryInventory } from "@atoll/inventory";
import { virtualIpType, type ResourceDraft, type VirtualIpSpec } from "@atoll/resource";
import type { ProxyRef } from "@atoll/view";
import { SnapshotCache } from "@atoll/xds";
import { expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const service = "kuma.io/service";

// Changes a world at random and compares the snapshots of a compiler that followed with those of a new one.

const anyService = [{ match: { [service]: "*" } }];
const inMesh = (type: string, mesh: string, rest: object) => ({ type, mesh, name: "one", ...rest });
const pairs = { sources: anyService, destinations: anyService };
const mtls = { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] };

/** Documents that each change comes from; a number in place of `turn` makes them differ. */
const configChanges: ((mesh: string, turn: number) => Record<string, unknown>)[] = [
  (mesh, turn) => ({
    type: "Mesh",
    name: mesh,
    routing: { zoneEgress: turn % 4 === 0, localityAwareLoadBalancing: turn % 3 === 0 },
    ...((turn % 4 === 0 || turn % 2) && { mtls }),
  }),
  (mesh, turn) => inMesh("TrafficRoute", mesh, { ...pairs, conf: { destination: { [service]: turn % 2 ? "*" : "echo" } } }),
  (mesh, turn) =>
    inMesh("TrafficPermission", mesh, { sources: turn % 2 ? anyService : [{ match: { [service]: "edge" } }], destinations: anyService }),
  (mesh, turn) => inMesh("Timeout", mesh, { ...pairs, conf: { connectTimeout: `${turn + 1}s` } }),
  (mesh, turn) => inMesh("Retry", mesh, { ...pairs, conf: { http: { numRetries: turn + 1 } } }),
  (mesh, turn) => inMesh("CircuitBreaker", mesh, { ...pairs, conf: { thresholds: { maxRequests: turn + 1 } } }),
  (mesh, turn) => inMesh("RateLimit", mesh, { ...pairs, conf: { http: { requests: turn + 1, interval: "1s" } } }),
  (mesh, turn) =>
    inMesh("FaultInjection", mesh, {
      ...pairs,
      destinations: [{ match: { [service]: "echo", "kuma.io/protocol": "http" } }],
      conf: { abort: { httpStatus: 500, percentage: turn % 100 } },
    }),
  (mesh, turn) =>
    inMesh("HealthCheck", mesh, {
      ...pairs,
      conf: { interval: `${turn + 1}s`, timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, tcp: {} },
    }),
  (mesh, turn) =>
    inMesh("MeshGateway", mesh, {
      selectors: [{ match: { [service]: "edge" } }],
      conf: { listeners: [{ port: 8080 + (turn % 3), protocol: "HTTP", ...(turn % 2 && { crossMesh: true, hostname: "edge.test" }) }] },
    }),
  (mesh, turn) =>
    inMesh("MeshGatewayRoute", mesh, {
      selectors: [{ match: { [service]: "edge" } }],
      conf: {
        http: {
          rules: [
            {
              matches: [{ path: { match: "PREFIX", value: `/${turn}` } }],
              backends: [{ weight: 1, destination: { [service]: turn % 2 ? "echo" : "far", ...(turn % 3 === 0 && { version: "1" }) } }],
            },
          ],
        },
      },
    }),
  (mesh, turn) =>
    inMesh("ExternalService", mesh, {
      tags: { [service]: "bank", "kuma.io/protocol": "http" },
      networking: { address: `bank-${turn % 2}.test:80` },
    }),
  (mesh, turn) =>
    inMesh("VirtualOutbound", mesh, {
      selectors: anyService,
      conf: { host: `{{.service}}.${turn % 2}`, port: "80", parameters: [{ name: "service", tagKey: service }] },
    }),
  (_mesh, turn) => ({ type: "Zone", name: "far", enabled: turn % 2 === 0 }),
];

const dataplane = (mesh: string, name: string, networking: object) => ({
  type: "Dataplane",
  mesh,
  name,
  networking: { address: "10.0.0.1", ...networking },
});
const zoneChanges: ((mesh: string, turn: number) => Record<string, unknown>)[] = [
  (mesh, turn) =>
    dataplane(mesh, "echo-1", {
      inbound: [{ port: 9000 + (turn % 2), tags: { [service]: "echo", "kuma.io/protocol": "http", version: `${turn % 2}` } }],
    }),
  (mesh, turn) =>
    dataplane(mesh, "echo-2", {
      address: "10.0.0.2",
      inbound: [{ port: 9000, tags: { [service]: "echo", "kuma.io/protocol": "http" }, ...(turn % 2 && { state: "NotReady" }) }],
    }),
  (mesh, turn) =>
    dataplane(mesh, "edge-1", { address: "10.0.0.3", gateway: { type: "BUILTIN", tags: { [service]: "edge", turn: `${turn}` } } }),
  (mesh, turn) =>
    dataplane(mesh, "client-1", {
      address: "10.0.0.4",
      inbound: [{ port: 80, tags: { [service]: "client" } }],
      outbound: [
        { port: 1000, tags: { [service]: "echo" } },
        { port: 1001, tags: { [service]: turn % 2 ? "far" : "bank" } },
        { port: 1002, tags: { [service]: "edge", "kuma.io/mesh": "two" } },
      ],
    }),
  (mesh, turn) =>
    dataplane(mesh, "named-1", {
      address: "10.0.0.7",
      inbound: [{ port: 80, tags: { [service]: "named" } }],
      transparentProxying: {
        ...{ redirectPortInbound: 15_006, redirectPortOutbound: 15_001 },
        ...(turn % 3 === 0 && { reachableServices: ["echo"] }),
      },
    }),
  (_mesh, turn) => ({ type: "ZoneIngress", name: "in-1", networking: { address: "10.0.0.5", port: 10001 + (turn % 2) } }),
  (_mesh, turn) => ({ type: "ZoneEgress", name: "out-1", networking: { address: "10.0.0.6", port: 10010 + (turn % 2) } }),
];

/** A name as the zone's sync service writes it: of a service, or of the other mesh's gateway; now and then nobody offers it. */
function nameOf(mesh: string, turn: number): ResourceDraft<VirtualIpSpec> {
  const other = mesh === "one" ? "two" : "one";
  const tags = turn % 2 ? { [service]: "echo" } : { [service]: "edge", "kuma.io/mesh": other };
  const name = `name-${turn % 2}`;
  const outbounds = turn % 5 === 0 ? [] : [{ port: 80 + (turn % 3), tags, origin: "service" }];
  return { type: virtualIpType, mesh, name, spec: { address: `240.0.0.${turn % 2}`, domains: [`${name}.mesh`], outbounds } };
}

/** Of a proxy that goes and comes back. */
function insightOf(mesh: string, turn: number): ResourceDraft {
  const time = "2026-01-01T00:00:00Z";
  const of = [
    { type: "DataplaneInsight", mesh, name: `echo-${1 + (turn % 2)}` },
    { type: "ZoneEgressInsight", mesh: "", name: "out-1" },
  ][turn % 4 === 0 ? 1 : 0]!;
  return { ...of, spec: { subscriptions: [{ connectTime: time, ...(turn % 3 > 0 && { disconnectTime: time }) }] } };
}

const proxies: [string, ProxyRef][] = [
  ...["one", "two"].map((mesh): [string, ProxyRef] => [
    `${mesh}.named-1`,
    { type: "dataplane", mesh, name: "named-1", metadata: { dnsPort: 15_054 } },
  ]),
  ...["one", "two"].flatMap((mesh) =>
    ["echo-1", "echo-2", "edge-1", "client-1"].map((name): [string, ProxyRef] => [`${mesh}.${name}`, { type: "dataplane", mesh, name }]),
  ),
  ["in-1", { type: "ingress", mesh: "", name: "in-1" }],
  ["out-1", { type: "egress", mesh: "", name: "out-1" }],
];

/** Small, seeded, and good enough to choose changes by. */
function* random(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

/** Certificates are kept out of it: none of these compilers has a CA. */
function compilerOf(config: FakeState, zone: FakeState, inventory: MemoryInventory): { cache: SnapshotCache; compiler: Compiler } {
  const cache = new SnapshotCache();
  const report = (error: unknown) => {
    if (!/no CA|not found/.test((error as Error).message)) throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError: report });
  // As if every secret were there.
  materials.resolve = () => ({ resources: [], pending: [], failed: [] });
  const compiler = new Compiler({ zone: "zone-1", config, zoneResources: zone, inventory, materials, cache, onError: report });
  for (const [nodeId, ref] of proxies) compiler.connect(nodeId, ref);
  return { cache, compiler };
}

const contentOf = (cache: SnapshotCache) =>
  Object.fromEntries(
    proxies.map(([nodeId]) => [
      nodeId,
      [...(cache.get(nodeId)?.resources ?? [])]
        .flatMap(([typeUrl, named]) => [...named.values()].map(({ name, version }) => `${typeUrl}/${name}@${version}`))
        .sort(),
    ]),
  );

test.each([1, 2, 3, 4, 5, 6])("a compiler that follows changes has what a new one makes of the result (seed %i)", async (seed) => {
  const next = random(seed);
  const pick = (below: number) => Math.floor(next.next().value! * below);
  const [config, zone, inventory] = [new FakeState(), new FakeState(), new MemoryInventory()];
  for (const mesh of ["one", "two"]) {
    config.put({ type: "Mesh", name: mesh });
    for (const change of zoneChanges) zone.put(change(mesh, 0));
  }
  const followed = compilerOf(config, zone, inventory);
  for (let turn = 1; turn <= 60; turn++) {
    const mesh = pick(2) === 0 ? "one" : "two";
    const from = pick(9);
    if (from < 5) {
      config.put(configChanges[pick(configChanges.length)]!(mesh, turn));
    } else if (from < 7) {
      zone.put(zoneChanges[pick(zoneChanges.length)]!(mesh, turn));
    } else if (from < 8) {
      zone.putDrafts(pick(2) === 0 ? nameOf(mesh, turn) : insightOf(mesh, turn));
    } else {
      await inventory.put({ zone: "far", mesh, tags: { [service]: "far", "kuma.io/protocol": "http" }, instances: 1 + (turn % 2) });
      await inventory.putIngress({ zone: "far", name: "in", advertisedAddress: `192.0.2.${1 + (turn % 2)}`, advertisedPort: 10001 });
    }
    const anew = compilerOf(config, zone, inventory);
    while (!followed.compiler.idle || !anew.compiler.idle) await new Promise((resolve) => setImmediate(resolve));
    expect(contentOf(followed.cache), `turn ${turn}`).toEqual(contentOf(anew.cache));
    anew.compiler.close();
  }
  expect(Object.values(contentOf(followed.cache)).every((content) => content.length > 0)).toBe(true);
  followed.compiler.close();
});
