import { Resolver } from "node:dns/promises";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { envoyStats, sumOf } from "./envoy.ts";
import { connection, gatewayRoute, mesh, MeshBed, mutualTls, prefixRule } from "./mesh-bed.ts";
import { jsonHeaders, rest, type RestAnswer } from "./rest.ts";

// Virtual IPs out of the loopback's own range, as in `names.test.ts`.
let bed: MeshBed;
let egressAdmin: number;
let external: { app: Backend; port: number };
let inbound: { webEast: number; webWest: number };
let resolver: Resolver;
const own = { "kuma.io/origin": "zone" };
const dnsPort = 1;
const sharedPort = 2;
const externalPort = 3;
const explicit = { local: 4, remote: 5, world: 6, outside: 7, nobody: 8 };
const edgePort = 9;
const stallPort = 10;

const withMode = (mode: string, more: object = {}) => mesh("default", { meshServices: { mode }, routing: { zoneEgress: true }, ...more });

/** In a zone, by its own REST API. */
async function inZone(zone: string, method: "PUT" | "DELETE" | "GET", path: string, body?: object): Promise<RestAnswer> {
  const call = { method, headers: jsonHeaders, ...(body && { body: JSON.stringify(body) }) };
  const answer = await rest(`${bed.atoll.zone(zone).url}/meshes/default/${path}`, call);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

const shared = (targetPort: number) => ({
  ...{ type: "MeshService", mesh: "default", name: "shared", labels: { ...own, team: "shared" } },
  spec: {
    selector: { dataplaneTags: { "kuma.io/service": "web" } },
    ports: [{ name: "main", port: bed.port(sharedPort), targetPort, appProtocol: "http" }],
  },
});
/** As one of a Kubernetes namespace. */
const inNamespace = { ...own, "k8s.kuma.io/namespace": "market" };
const stall = (targetPort: number) => ({
  ...{ type: "MeshService", mesh: "default", name: "stall", labels: inNamespace },
  spec: { ...shared(targetPort).spec, ports: [{ port: bed.port(sharedPort), targetPort, appProtocol: "http" }] },
});
const world = () => ({
  ...{ type: "MeshMultiZoneService", mesh: "default", name: "world" },
  spec: {
    selector: { meshService: { matchLabels: { team: "shared" } } },
    ports: [{ name: "main", port: bed.port(sharedPort), appProtocol: "http" }],
  },
});

const patient = <Value>(what: () => Promise<Value>): Promise<Value> => eventually(what, { limitMs: 30_000, everyMs: 50 });

/** Resolves a name and calls what is there until the application answers. */
const reaches = (name: string, port: number, app: string): Promise<string> =>
  patient(async () => {
    const [address] = await resolver.resolve4(name);
    const answer = await rest(`http://${address}:${port}/`, { headers: { connection: "close" } });
    if (answer.status !== 200 || answer.json()["service"] !== app) throw new Error(`${name} answers ${answer.status} ${answer.text}`);
    return address!;
  });
const unknown = (name: string): Promise<boolean> =>
  patient(async () => {
    await expect(resolver.resolve4(name)).rejects.toMatchObject({ code: "ENOTFOUND" });
    return true;
  });

beforeAll(async () => {
  bed = await MeshBed.start(16_000, {
    env: {
      KUMA_DNS_SERVER_CIDR: "127.240.0.0/16",
      KUMA_IPAM_MESH_SERVICE_CIDR: "127.241.0.0/16",
      KUMA_IPAM_MESH_EXTERNAL_SERVICE_CIDR: "127.242.0.0/16",
      KUMA_IPAM_MESH_MULTI_ZONE_SERVICE_CIDR: "127.243.0.0/16",
      ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "1000",
    },
  });
  external = await bed.backend("outside");
  await bed.atoll.apply(withMode("Everywhere"));
  await bed.atoll.apply(connection("TrafficPermission", "allow-all", {}));
  await bed.atoll.apply({
    ...{ type: "MeshExternalService", mesh: "default", name: "ext" },
    spec: { match: { port: bed.port(externalPort), protocol: "http" }, endpoints: [{ address: "localhost", port: external.port }] },
  });
  const [east, west, egress] = await Promise.all([
    bed.service("web", "web-east"),
    bed.service("web", "web-west", { zone: "west" }),
    bed.zoneProxy("ZoneEgress", "egress-east", "east"),
    bed.zoneProxy("ZoneIngress", "ingress-west", "west"),
  ]);
  inbound = { webEast: east.inbound, webWest: west.inbound };
  egressAdmin = egress.admin;
  await inZone("east", "PUT", "meshservices/shared", shared(inbound.webEast));
  await inZone("west", "PUT", "meshservices/shared", shared(inbound.webWest));
  await inZone("west", "PUT", "meshservices/stall", stall(inbound.webWest));
  await bed.atoll.apply(world());
  const to = (kind: string, ref: object, port: number) => ({ backendRef: { kind, ...ref, port } });
  const named = (displayName: string, more: object = {}) => ({ labels: { "kuma.io/display-name": displayName, ...more } });
  await Promise.all([
    bed.service("caller", "caller-1", {
      env: { KUMA_DNS_ENABLED: "false", KUMA_DNS_ENVOY_DNS_PORT: String(bed.port(dnsPort)) },
      networking: { outbound: [], transparentProxying: {} },
    }),
    bed.service("client", "client-1", {
      networking: {
        outbound: [
          { port: bed.port(explicit.local), ...to("MeshService", { name: "web" }, inbound.webEast) },
          { port: bed.port(explicit.remote), ...to("MeshService", named("web", { "kuma.io/zone": "west" }), inbound.webWest) },
          { port: bed.port(explicit.world), ...to("MeshMultiZoneService", named("world"), bed.port(sharedPort)) },
          { port: bed.port(explicit.outside), ...to("MeshExternalService", named("ext"), bed.port(externalPort)) },
          { port: bed.port(stallPort), ...to("MeshService", named("stall", { "kuma.io/zone": "west" }), bed.port(sharedPort)) },
          { port: bed.port(explicit.nobody), ...to("MeshService", { name: "nobody" }, 80) },
        ],
      },
    }),
  ]);
  resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${bed.port(dnsPort)}`]);
}, 180_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

describe("a service that is a resource, called by its name and virtual IP", () => {
  test("of the zone", async () => {
    expect(await reaches("web.svc.mesh.local", inbound.webEast, "web-east")).toMatch(/^127\.241\./);
  });

  test("of another zone, by its ingress", async () => {
    expect(await reaches("web.svc.west.mesh.local", inbound.webWest, "web-west")).toMatch(/^127\.241\./);
  });

  test("outside, through the egress", async () => {
    expect(await reaches("ext.extsvc.mesh.local", bed.port(externalPort), "outside")).toMatch(/^127\.242\./);
    expect(sumOf(await envoyStats(egressAdmin, /^cluster\.default_ext___extsvc_.*upstream_cx_total$/))).toBeGreaterThan(0);
  });

  test("of several zones: its own zone's first, and another's when that has none", async () => {
    const port = bed.port(sharedPort);
    const address = await reaches("world.mzsvc.mesh.local", port, "web-east");
    expect(address).toMatch(/^127\.243\./);
    await inZone("east", "DELETE", "meshservices/shared");
    expect(await reaches("world.mzsvc.mesh.local", port, "web-west")).toBe(address);
    await inZone("east", "PUT", "meshservices/shared", shared(inbound.webEast));
    expect(await reaches("world.mzsvc.mesh.local", port, "web-east")).toBe(address);
  });
});

describe("an outbound that names a service that is a resource", () => {
  test("leads there, and one that names nobody is closed", async () => {
    await bed.answers(explicit.local, 200, "/", "web-east");
    await bed.answers(explicit.remote, 200, "/", "web-west");
    await bed.answers(explicit.world, 200, "/", "web-east");
    await bed.answers(explicit.outside, 200, "/", "outside");
    await expect(bed.get(explicit.nobody)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("is refused at the egress where the mesh forbids what is outside", async () => {
    await bed.apply(withMode("Everywhere", { routing: { zoneEgress: true, defaultForbidMeshExternalServiceAccess: true } }));
    await bed.answers(explicit.outside, 403);
    await bed.apply(withMode("Everywhere"));
    await bed.answers(explicit.outside, 200, "/", "outside");
  });

  test("goes on while mutual TLS becomes permissive, and strict again", async () => {
    await bed.apply(withMode("Everywhere", { mtls: mutualTls("PERMISSIVE") }));
    await bed.answers(explicit.local, 200, "/", "web-east");
    await bed.answers(explicit.remote, 200, "/", "web-west");
    await bed.apply(withMode("Everywhere"));
    await bed.answers(explicit.local, 200, "/", "web-east");
  });
});

describe("the mode of a mesh, changed live", () => {
  test("says which names there are; an address once given stays", async () => {
    const port = inbound.webEast;
    const address = await reaches("web.svc.mesh.local", port, "web-east");
    expect(await patient(() => resolver.resolve4("web.mesh"))).toHaveLength(1);
    await bed.apply(withMode("Exclusive"));
    await unknown("web.mesh");
    expect(await reaches("web.svc.mesh.local", port, "web-east")).toBe(address);
    await bed.apply(withMode("ReachableBackends"));
    await unknown("web.svc.mesh.local");
    expect(await patient(() => resolver.resolve4("web.mesh"))).toHaveLength(1);
    await bed.apply(withMode("Disabled"));
    await patient(async () => {
      const names = (await inZone("east", "GET", "meshservices")).json<{ items: { name: string }[] }>().items.map(({ name }) => name);
      expect(names.filter((name) => !/^(shared|stall)/.test(name))).toEqual([]);
      return true;
    });
    await bed.apply(withMode("Everywhere"));
    expect(await reaches("web.svc.mesh.local", port, "web-east")).toBe(address);
  });

  test("and so it stays when the zone's processes are killed", async () => {
    const address = await reaches("web.svc.mesh.local", inbound.webEast, "web-east");
    const { sync, xds } = bed.atoll.zone("east");
    await Promise.all([sync.kill(), xds.kill()]);
    await sync.start();
    await xds.start();
    expect(await reaches("web.svc.mesh.local", inbound.webEast, "web-east")).toBe(address);
  });
});

describe("what a zone writes", () => {
  test("a gateway of the zone's own serves, and is gone with it", async () => {
    await bed.gateway("edge", "edge-1");
    await bed.apply(gatewayRoute("edge", "edge", [prefixRule("/", "web")]));
    const document = bed.meshGateway("edge", { [edgePort]: {} });
    await inZone("east", "PUT", "meshgateways/edge", document);
    await bed.answers(edgePort, 200);
    const synced = (await bed.atoll.call("/meshes/default/meshgateways")).json<{ items: { labels: object }[] }>().items;
    expect(synced).toMatchObject([{ labels: { ...own, "kuma.io/zone": "east" } }]);
    await inZone("east", "DELETE", "meshgateways/edge");
    await patient(async () => {
      await expect(bed.get(edgePort)).rejects.toMatchObject({ code: "ECONNREFUSED" });
      return true;
    });
  });

  test("how a service of its own is called holds in the other zones, and ends with what it wrote", async () => {
    const path = "meshhttproutes/stall-route";
    const signed = { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-stall", value: "west" }] } };
    const route = {
      ...{ type: "MeshHTTPRoute", mesh: "default", name: "stall-route", labels: { ...inNamespace, "kuma.io/policy-role": "producer" } },
      spec: {
        targetRef: { kind: "Mesh" },
        to: [
          {
            targetRef: { kind: "MeshService", name: "stall" },
            rules: [{ matches: [{ path: { type: "PathPrefix", value: "/" } }], default: { filters: [signed] } }],
          },
        ],
      },
    };
    const answered = (header: string | undefined): Promise<boolean> =>
      patient(async () => {
        const { status, headers } = await bed.get(stallPort);
        expect({ status, header: headers["x-stall"] }).toEqual({ status: 200, header });
        return true;
      });
    await answered(undefined);
    await inZone("west", "PUT", path, route);
    await answered("west");
    const { items } = (await inZone("east", "GET", "meshhttproutes")).json<{ items: { name: string; labels: object }[] }>();
    const expected = { "kuma.io/origin": "global", "kuma.io/zone": "west", "kuma.io/display-name": "stall-route" };
    expect(items).toMatchObject([{ name: expect.stringMatching(/^stall-route-/), labels: expected }]);
    await inZone("west", "DELETE", path);
    await answered(undefined);
  });
});
