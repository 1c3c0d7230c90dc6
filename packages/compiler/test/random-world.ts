import { MemoryInventory, inventoryKey, type InventoryEntry } from "@atoll/inventory";
import { virtualIpType, type ResourceDraft, type VirtualIpSpec } from "@atoll/resource";
import type { ProxyRef } from "@atoll/view";
import { FakeState } from "./fake-state.ts";
import { RandomPolicies } from "./random-policies.ts";

const service = "kuma.io/service";
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
  (mesh, turn) =>
    inMesh("MeshTimeout", mesh, {
      spec: {
        targetRef: [{ kind: "Mesh" }, { kind: "MeshSubset", tags: { [service]: "client" } }, { kind: "MeshService", name: "edge" }][
          turn % 3
        ],
        to: [
          {
            targetRef: turn % 2 ? { kind: "Mesh" } : { kind: "MeshService", name: "echo" },
            default: { connectionTimeout: `${turn + 1}s` },
          },
        ],
      },
    }),
  (mesh, turn) =>
    inMesh("MeshTrafficPermission", mesh, {
      spec: {
        targetRef: turn % 2 ? { kind: "Mesh" } : { kind: "MeshSubset", tags: { [service]: "echo" } },
        from: [{ targetRef: { kind: "Mesh" }, default: { action: turn % 3 ? "Allow" : "Deny" } }],
      },
    }),
  (mesh, turn) =>
    inMesh("MeshHTTPRoute", mesh, {
      spec: {
        targetRef: turn % 2 ? { kind: "Mesh" } : { kind: "MeshSubset", tags: { [service]: "client" } },
        to: [
          {
            targetRef: { kind: "MeshService", name: "echo" },
            rules: [
              {
                matches: [{ path: { type: "PathPrefix", value: `/${turn}` } }],
                default: { backendRefs: [{ kind: "MeshService", name: turn % 3 ? "echo" : "far", weight: 1 }] },
              },
            ],
          },
        ],
      },
    }),
  (mesh, turn) =>
    inMesh("MeshTLS", mesh, {
      spec: { rules: [{ default: { mode: turn % 2 ? "Strict" : "Permissive", tlsVersion: { min: turn % 3 ? "TLS12" : "TLS13" } } }] },
    }),
  (mesh, turn) =>
    inMesh("MeshPassthrough", mesh, {
      spec: { default: { appendMatch: [{ type: "Domain", value: "a.test", port: 443 + (turn % 2), protocol: "tls" }] } },
    }),
  (mesh, turn) =>
    inMesh("MeshLoadBalancingStrategy", mesh, {
      spec: {
        targetRef: turn % 2 ? { kind: "Mesh" } : { kind: "MeshSubset", tags: { [service]: "client" } },
        to: [
          {
            targetRef: { kind: "Mesh" },
            default: {
              loadBalancer: { type: "RingHash", ringHash: { hashPolicies: [{ type: "Header", header: { name: `x-${turn % 2}` } }] } },
              localityAwareness: {
                localZone: { affinityTags: [{ key: "version" }] },
                ...(turn % 3 && { crossZone: { failover: [{ to: { type: turn % 2 ? "Any" : "None" } }] } }),
              },
            },
          },
        ],
      },
    }),
  (mesh, turn) =>
    inMesh("MeshService", mesh, {
      labels: { "kuma.io/display-name": "one" },
      spec: {
        selector: { dataplaneTags: { [service]: turn % 2 ? "echo" : "named" } },
        ports: [{ port: 80 + (turn % 2), targetPort: 9000, appProtocol: "http" }],
      },
    }),
];

const dataplane = (mesh: string, name: string, networking: object, turn = 0) => ({
  type: "Dataplane",
  mesh,
  name,
  labels: { team: turn % 2 ? "red" : "blue" },
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
    dataplane(mesh, "echo-3", {
      address: `10.0.1.${turn % 3}`,
      inbound: [{ port: 9000, tags: { [service]: turn % 4 ? "echo" : "spare", "kuma.io/protocol": turn % 5 ? "http" : "tcp" } }],
    }),
  (mesh, turn) =>
    dataplane(mesh, "edge-1", { address: "10.0.0.3", gateway: { type: "BUILTIN", tags: { [service]: "edge", turn: `${turn}` } } }),
  (mesh, turn) =>
    dataplane(
      mesh,
      "client-1",
      {
        address: "10.0.0.4",
        inbound: [{ port: 80, tags: { [service]: "client" } }],
        outbound: [
          { port: 1000, tags: { [service]: "echo" } },
          { port: 1001, tags: { [service]: turn % 2 ? "far" : "bank" } },
          { port: 1002, tags: { [service]: "edge", "kuma.io/mesh": "two" } },
        ],
      },
      turn,
    ),
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

export const proxies: [string, ProxyRef][] = [
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

/** Two meshes with some of everything that a change can be of, changed at random. */
export class RandomWorld {
  readonly config = new FakeState();
  readonly zone = new FakeState();
  readonly inventory = new MemoryInventory();
  readonly #random: Generator<number>;
  readonly #policies = new RandomPolicies((below) => this.pick(below));
  #turn = 0;

  constructor(seed: number) {
    this.#random = random(seed);
    for (const mesh of ["one", "two"]) {
      this.config.put({ type: "Mesh", name: mesh });
      for (const change of zoneChanges) this.zone.put(change(mesh, 0));
    }
  }

  pick(below: number): number {
    return Math.floor(this.#random.next().value! * below);
  }

  async change(): Promise<void> {
    const turn = ++this.#turn;
    const mesh = this.pick(2) === 0 ? "one" : "two";
    const from = this.pick(16);
    if (from >= 12) {
      const policy = this.#policies.document(mesh, turn);
      if (from < 15) this.config.put(policy);
      else this.config.delete(policy.type, mesh, policy.name);
    } else if (from < 5) {
      const document = configChanges[this.pick(configChanges.length)]!(mesh, turn);
      this.config.put(
        this.pick(3) === 0 && document["name"] === "one" && document["type"] !== "Mesh" ? { ...document, name: "two" } : document,
      );
    } else if (from < 7) {
      const document = configChanges[this.pick(configChanges.length)]!(mesh, turn);
      const { type, name } = document as { type: string; name: string };
      if (type !== "Mesh" && type !== "Zone") this.config.delete(type, mesh, name);
    } else if (from < 9) {
      this.zone.put(zoneChanges[this.pick(zoneChanges.length)]!(mesh, turn));
    } else if (from < 10) {
      if (this.pick(4) === 0) this.zone.delete("Dataplane", mesh, "echo-3");
      else this.zone.putDrafts(this.pick(2) === 0 ? nameOf(mesh, turn) : insightOf(mesh, turn));
    } else if (from < 11) {
      await this.#offer(mesh, turn);
    } else {
      await this.inventory.putIngress({ zone: "far", name: "in", advertisedAddress: `192.0.2.${1 + (turn % 2)}`, advertisedPort: 10001 });
      if (this.pick(5) === 0) await this.inventory.deleteIngress("far", "in");
    }
  }

  async #offer(mesh: string, turn: number): Promise<void> {
    const name = this.pick(3) === 0 ? "echo" : "far";
    const entry: InventoryEntry = {
      ...{ zone: "far", mesh, tags: { [service]: name, "kuma.io/protocol": "http", ...(turn % 4 === 0 && { version: "1" }) } },
      ...{ instances: turn % 5, ...(turn % 3 === 0 && { gone: 1 }) },
    };
    if (this.pick(4) === 0) await this.inventory.delete("far", inventoryKey(entry));
    else await this.inventory.put(entry);
  }
}
