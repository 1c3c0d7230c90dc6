import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { jsonHeaders, rest } from "./rest.ts";
import { connection, gatewayRoute, mesh, MeshBed, prefixRule } from "./mesh-bed.ts";

// MeshLoadBalancingStrategy in two zones. `web` has two instances in the east, `far` one in either zone; what is called through the egress
// is a mesh of its own: `away` in the west, and a MeshExternalService with two endpoints.
let bed: MeshBed;
let outside: Backend[];
let farEast: Backend;
const client = 0;
const edge = 1;
const delegated = 2;
const far = 3;
const away = 4;
const external = 5;
const multi = 6;
const externalPort = 10;

const named = (displayName: string) => ({ labels: { "kuma.io/display-name": displayName } });
const strategy = (name: string, spec: object, of = "default") => ({ type: "MeshLoadBalancingStrategy", mesh: of, name, spec });
const toAll = (conf: object, top: object = { kind: "Mesh" }) => ({ targetRef: top, to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const toService = (name: string, conf: object) => ({ to: [{ targetRef: { kind: "MeshService", name }, default: conf }] });

/** Who answers requests with a key; several who are asked in turn. */
const answering = async (number: number, key: string): Promise<string[]> =>
  Object.keys(await bed.shares(number, 16, `/?key=${key}`, { "x-key": key })).sort();
const waits = { limitMs: 20_000, everyMs: 25 };
const spreads = (number: number, over: string[], key = "k1"): Promise<unknown> =>
  eventually(async () => expect(await answering(number, key)).toEqual(over), waits);
const sticks = (number: number, key: string): Promise<string> =>
  eventually(async () => {
    const by = await answering(number, key);
    expect(by).toHaveLength(1);
    return by[0]!;
  }, waits);

beforeAll(async () => {
  bed = await MeshBed.start(17_300);
  const servers = await Promise.all([bed.backend("outside-1"), bed.backend("outside-2")]);
  outside = servers.map(({ app }) => app);
  for (const document of [
    mesh("default"),
    mesh("through-egress", { routing: { zoneEgress: true } }),
    connection("TrafficPermission", "allow-all", {}),
    connection("TrafficPermission", "allow-all", { mesh: "through-egress" }),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
    {
      ...{ type: "MeshExternalService", mesh: "through-egress", name: "ext" },
      spec: {
        match: { port: bed.port(externalPort), protocol: "http" },
        endpoints: servers.map(({ port }) => ({ address: "127.0.0.1", port })),
      },
    },
    {
      ...{ type: "MeshMultiZoneService", mesh: "default", name: "multi" },
      spec: {
        selector: { meshService: { matchLabels: { team: "multi" } } },
        ports: [{ name: "main", port: 80, appProtocol: "http" }],
      },
    },
  ])
    await bed.atoll.apply(document);
  const through = { mesh: "through-egress" };
  const called = [
    { port: bed.port(client), tags: { "kuma.io/service": "web" } },
    { port: bed.port(far), tags: { "kuma.io/service": "far" } },
    { port: bed.port(multi), backendRef: { kind: "MeshMultiZoneService", ...named("multi"), port: 80 } },
  ];
  const networking = {
    outbound: [
      { port: bed.port(away), tags: { "kuma.io/service": "away" } },
      { port: bed.port(external), backendRef: { kind: "MeshExternalService", ...named("ext"), port: bed.port(externalPort) } },
    ],
  };
  const [inEast, inWest] = await Promise.all([
    bed.service("far", "far-east"),
    bed.service("far", "far-west", { zone: "west" }),
    bed.service("web", "web-1", { tags: { node: "n1", az: "a" } }),
    bed.service("web", "web-2", { tags: { node: "n2", az: "a" } }),
    bed.service("away", "away-west", { ...through, zone: "west" }),
    bed.zoneProxy("ZoneIngress", "ingress-west", "west"),
    bed.zoneProxy("ZoneEgress", "egress-east", "east"),
    bed.service("client", "client-1", { tags: { node: "n1", az: "a" }, networking: { outbound: called } }),
    bed.gateway("edge", "edge-1", { tags: { node: "n2" } }),
    bed.gateway("kong", "kong-1", { delegated: true, tags: { node: "n2" }, outbound: { [delegated]: "web" } }),
    bed.service("caller", "caller-1", { ...through, networking }),
  ]);
  farEast = inEast.app;
  for (const [zone, targetPort] of [
    ["east", inEast.inbound],
    ["west", inWest.inbound],
  ] as const) {
    const labels = { "kuma.io/origin": "zone", team: "multi" };
    const spec = {
      selector: { dataplaneTags: { "kuma.io/service": "far" } },
      ports: [{ name: "main", port: 80, targetPort, appProtocol: "http" }],
    };
    const body = JSON.stringify({ type: "MeshService", mesh: "default", name: "far", labels, spec });
    const answer = await rest(`${bed.atoll.zone(zone).url}/meshes/default/meshservices/far`, { method: "PUT", headers: jsonHeaders, body });
    expect(answer.status, answer.text).toBe(201);
  }
  for (const number of [client, edge, delegated, far, away, external, multi])
    await eventually(() => bed.answers(number, 200), { limitMs: 60_000 });
}, 180_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

const both = ["web-1", "web-2"];

describe.each([
  ["a sidecar", client, { kind: "MeshSubset", tags: { "kuma.io/service": "client" } }, "web-1"],
  ["a builtin gateway", edge, { kind: "MeshGateway", name: "edge" }, "web-2"],
  ["a delegated gateway", delegated, { kind: "MeshSubset", tags: { "kuma.io/service": "kong" } }, "web-2"],
] as const)("on %s", (_of, number, top, near) => {
  test.each([
    ["RingHash", { type: "RingHash", ringHash: { hashPolicies: [{ type: "Header", header: { name: "x-key" } }] } }],
    [
      "Maglev",
      { type: "Maglev", maglev: { tableSize: 1009, hashPolicies: [{ type: "QueryParameter", queryParameter: { name: "key" } }] } },
    ],
  ])("%s: a key has one instance, and another key another", async (_type, loadBalancer) => {
    await spreads(number, both);
    await bed.during(strategy("hash", toAll({ loadBalancer }, top)), async () => {
      const first = await sticks(number, "k1");
      const others = await Promise.all(["k2", "k3", "k4", "k5", "k6", "k7"].map((key) => sticks(number, key)));
      expect([...new Set([first, ...others])].sort()).toEqual(both);
      expect(await sticks(number, "k1")).toBe(first);
    });
    await spreads(number, both);
  });

  test("an instance with the caller's tag is near", async () => {
    await spreads(number, both);
    const localZone = { affinityTags: [{ key: "node", weight: 1_000_000 }] };
    await bed.during(strategy("near", toService("web", { localityAwareness: { localZone } })), async () => {
      await spreads(number, [near]);
    });
    await spreads(number, both);
  });
});

describe("other zones", () => {
  const everywhere = ["far-east", "far-west"];
  const localityAwareness = (type: string, zones?: string[]) => ({
    crossZone: { failover: [{ to: { type, ...(zones ? { zones } : {}) } }] },
  });
  const failing = {
    type: "MeshHealthCheck",
    mesh: "default",
    name: "probe",
    spec: toService("far", {
      ...{ interval: "100ms", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, healthyPanicThreshold: 0 },
      http: { path: "/health", expectedStatuses: [200] },
    }),
  };

  test("are called after the own one, as far as a rule names them", async () => {
    await spreads(far, everywhere);
    await bed.during(strategy("failover", toService("far", { localityAwareness: localityAwareness("Only", ["west"]) })), async () => {
      await spreads(far, ["far-east"]);
      farEast.respond = ({ path }) => (path === "/health" ? { status: 500 } : undefined);
      await bed.during(failing, async () => {
        await spreads(far, ["far-west"]);
        // Of two the smaller name is stronger.
        await bed.during(strategy("away", toService("far", { localityAwareness: localityAwareness("Only", ["north"]) })), () =>
          bed.answers(far, 503),
        );
        await spreads(far, ["far-west"]);
        farEast.respond = () => undefined;
        await spreads(far, ["far-east"]);
      });
    });
    await spreads(far, everywhere);
  });

  test("are called after the own one by a ring that weighs near instances, too", async () => {
    await spreads(far, everywhere);
    const conf = {
      loadBalancer: { type: "RingHash", ringHash: { hashPolicies: [{ type: "Header", header: { name: "x-key" } }] } },
      localityAwareness: { localZone: { affinityTags: [{ key: "node" }] }, ...localityAwareness("Any") },
    };
    await bed.during(strategy("failover", toService("far", conf)), async () => {
      await spreads(far, ["far-east"]);
      farEast.respond = ({ path }) => (path === "/health" ? { status: 500 } : undefined);
      await bed.during(failing, () => spreads(far, ["far-west"]));
      farEast.respond = () => undefined;
    });
    await spreads(far, everywhere);
  });

  test("come second where the mesh says so, unless the policy says no", async () => {
    await bed.apply(mesh("default", { routing: { localityAwareLoadBalancing: true } }));
    await spreads(far, ["far-east"]);
    await bed.during(strategy("off", toService("far", { localityAwareness: { disabled: true } })), () => spreads(far, everywhere));
    await spreads(far, ["far-east"]);
    await bed.apply(mesh("default"));
    await spreads(far, everywhere);
  });

  test("come second for a service of several zones that is a resource, unless the policy says no", async () => {
    await spreads(multi, ["far-east"]);
    const to = [{ targetRef: { kind: "MeshMultiZoneService", ...named("multi") }, default: { localityAwareness: { disabled: true } } }];
    await bed.during(strategy("off", { to }), () => spreads(multi, everywhere));
    await spreads(multi, ["far-east"]);
  });

  test("are chosen by the egress where all goes through it", async () => {
    const only = (zone: string) =>
      strategy("order", toService("away", { localityAwareness: localityAwareness("Only", [zone]) }), "through-egress");
    await bed.during(only("north"), () => bed.answers(away, 503));
    await bed.answers(away, 200);
    await bed.during(only("west"), () => spreads(away, ["away-west"]));
    await bed.answers(away, 200);
  });
});

describe("a MeshExternalService at the egress", () => {
  const endpoints = ["outside-1", "outside-2"];
  const policy = (type: string, conf: object) => ({ type, mesh: "through-egress", name: "outside", spec: toAll(conf) });

  test("MeshLoadBalancingStrategy: a key has one endpoint", async () => {
    await spreads(external, endpoints);
    const loadBalancer = { type: "RingHash", ringHash: { hashPolicies: [{ type: "Header", header: { name: "x-key" } }] } };
    await bed.during(policy("MeshLoadBalancingStrategy", { loadBalancer }), async () => {
      const by = await Promise.all(["k1", "k2", "k3", "k4", "k5", "k6", "k7"].map((key) => sticks(external, key)));
      expect([...new Set(by)].sort()).toEqual(endpoints);
    });
    await spreads(external, endpoints);
  });

  test("MeshHealthCheck: an endpoint that fails its probe gets no requests", async () => {
    outside[0]!.respond = ({ path }) => (path === "/health" ? { status: 500 } : undefined);
    const http = { path: "/health", expectedStatuses: [200] };
    const conf = { interval: "100ms", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, healthyPanicThreshold: 0, http };
    await bed.during(policy("MeshHealthCheck", conf), () => spreads(external, ["outside-2"]));
    await spreads(external, endpoints);
    outside[0]!.respond = () => undefined;
  });

  test("MeshCircuitBreaker: requests above the limits are refused", async () => {
    for (const app of outside) app.respond = () => ({ delayMs: 150 });
    const refused = async (): Promise<number> =>
      (await Promise.all(Array.from({ length: 8 }, () => bed.get(external)))).filter(({ status }) => status === 503).length;
    expect(await refused()).toBe(0);
    const connectionLimits = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 2 };
    await bed.during(policy("MeshCircuitBreaker", { connectionLimits }), () => eventually(async () => (await refused()) >= 3, waits));
    await eventually(async () => (await refused()) === 0, waits);
    for (const app of outside) app.respond = () => undefined;
  });
});
