import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCommand } from "@atoll/testkit/ensure-command";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess } from "@atoll/testkit/process";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { envoyStats, sumOf } from "./envoy.ts";
import { rest } from "./rest.ts";
import { connection, gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";

// Two zones and two meshes. Mesh `shop` has a cross-mesh gateway in each zone; mesh `default` calls it, and has services in both zones.
let bed: MeshBed;
let eastShop: Backend;
let westShop: Backend;
let eastWeb: Backend;
let westWeb: Backend;
let egressAdmin: number;
let ingressAdmin: number;
let callerAdmin: number;
const here = 0;
const there = 1;
const web = 2;
const delegated = 3;
const proxied = 4;
const edge = 5;
const versioned = 6;
const shopListeners = { here: 10, there: 11 };

beforeAll(async () => {
  // A service whose last instance has gone is given up after this time; it need not be ten seconds here.
  bed = await MeshBed.start(14_750, { env: { ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "1000" } });
  const crossMesh = (name: string, number: number) => ({
    ...bed.meshGateway(name, { [number]: { crossMesh: true, hostname: `${name}.mesh` } }, { mesh: "shop" }),
    name,
  });
  const documents = [
    mesh("default", { routing: { zoneEgress: true } }),
    mesh("shop", { routing: { zoneEgress: true } }),
    ...openMesh(),
    ...openMesh("shop"),
    crossMesh("shop-here", shopListeners.here),
    crossMesh("shop-there", shopListeners.there),
    gatewayRoute("here", "shop-here", [prefixRule("/", "catalog-east")], { mesh: "shop" }),
    gatewayRoute("there", "shop-there", [prefixRule("/", "catalog-west")], { mesh: "shop" }),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [one, two, three, four, caller, egress, ingress] = await Promise.all([
    bed.service("catalog-east", "catalog-east-1", { mesh: "shop" }),
    bed.service("catalog-west", "catalog-west-1", { mesh: "shop", zone: "west" }),
    bed.service("web", "web-east"),
    bed.service("web", "web-west", { zone: "west", tags: { version: "v2" } }),
    bed.service("caller", "caller-1", {
      outbound: {
        [here]: { "kuma.io/service": "shop-here", "kuma.io/mesh": "shop" },
        [there]: { "kuma.io/service": "shop-there", "kuma.io/mesh": "shop" },
        [web]: "web",
        [versioned]: { "kuma.io/service": "web", version: "v2" },
      },
    }),
    bed.zoneProxy("ZoneEgress", "egress-east", "east"),
    bed.zoneProxy("ZoneIngress", "ingress-west", "west"),
    bed.gateway("shop-here", "shop-here-1", { mesh: "shop" }),
    bed.gateway("shop-there", "shop-there-1", { mesh: "shop", zone: "west" }),
    bed.gateway("edge", "edge-1"),
    bed.gateway("front", "front-1", { delegated: true, outbound: { [delegated]: "web" } }),
  ]);
  [eastShop, westShop, eastWeb, westWeb] = [one.app, two.app, three.app, four.app];
  callerAdmin = caller.admin;
  egressAdmin = egress.admin;
  ingressAdmin = ingress.admin;
  await bed.answers(web, 200);
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

const callerOf = (headers: Record<string, string>) => /URI=(spiffe:[^;,]+)/.exec(headers["x-forwarded-client-cert"] ?? "")?.[1];

describe("a cross-mesh gateway, called by an explicit outbound", () => {
  test("in the same zone", async () => {
    const answer = await bed.answers(here, 200, "/in-zone", "catalog-east-1", { host: "shop-here.mesh" });
    expect(callerOf(answer.json<{ headers: Record<string, string> }>().headers)).toBe("spiffe://shop/shop-here");
    expect(eastShop.seen("/in-zone")).toBe(1);
  });

  test("in the other zone, through egress and ingress, with each mesh's own CA", async () => {
    const through = async () => sumOf(await envoyStats(egressAdmin, /^cluster\.shop_shop-there\..*upstream_cx_total$/));
    const answer = await bed.answers(there, 200, "/other-zone", "catalog-west-1", { host: "shop-there.mesh" });
    expect(callerOf(answer.json<{ headers: Record<string, string> }>().headers)).toBe("spiffe://shop/shop-there");
    expect(westShop.seen("/other-zone")).toBe(1);
    expect(await through()).toBeGreaterThan(0);
  });

  test("answers only its hostname, and only proxies of a mesh", async () => {
    expect((await bed.get(here, "/", { host: "else.mesh" })).status).toBe(404);
    await expect(bed.get(shopListeners.here, "/", { host: "shop-here.mesh" })).rejects.toThrow(/socket|disconnected|reset/i);
  });

  test("is not reached while the calling mesh has no mutual TLS", async () => {
    await bed.apply({ ...mesh("default"), mtls: undefined, routing: {} });
    try {
      await eventually(async () => (await bed.get(there, "/", { host: "shop-there.mesh" }).catch(() => ({ status: 0 }))).status !== 200, {
        limitMs: 15_000,
      });
    } finally {
      await bed.apply(mesh("default", { routing: { zoneEgress: true } }));
    }
    await bed.answers(there, 200, "/", "catalog-west-1", { host: "shop-there.mesh" });
  });
});

describe("a delegated gateway", () => {
  /** How each reverse proxy is told to pass on what comes to one port to another, with the file it reads. */
  const reverseProxies = [
    {
      make: "nginx",
      args: (file: string, folder: string) => ["-p", folder, "-c", file, "-g", "daemon off;"],
      config: (from: number, to: number, folder: string) => `pid ${folder}/pid; error_log stderr; events {}
http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${from}; location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; } } }`,
    },
    {
      make: "haproxy",
      args: (file: string) => ["-f", file],
      config: (from: number, to: number) => `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind 127.0.0.1:${from}
  default_backend out
backend out
  server mesh 127.0.0.1:${to}
`,
    },
  ];

  test.each(reverseProxies)(
    "carries what $make sends to its outbounds, to both zones, with its identity and its policies",
    async (proxy) => {
      ensureCommand(proxy.make, ["-v"], proxy.make, `this test needs ${proxy.make}`);
      using folder = scratchFolder();
      const file = join(folder.path, "proxy.conf");
      writeFileSync(file, proxy.config(bed.port(proxied), bed.port(delegated), folder.path));
      await using running = await startProcess(proxy.make, proxy.args(file, folder.path));
      const path = `/delegated/${proxy.make}`;
      const shares = await eventually(
        async () => {
          const found = await bed.shares(proxied, 20, path).catch((error: Error) => {
            throw new Error(`${error.message}; ${running.output()}`);
          });
          return found["web-east"] && found["web-west"] ? found : undefined;
        },
        { limitMs: 15_000 },
      );
      expect(Object.keys(shares).toSorted()).toEqual(["web-east", "web-west"]);
      const seen = eastWeb.requests.find((one) => one.path === path)!;
      expect(callerOf(seen.headers as Record<string, string>)).toBe("spiffe://default/front");

      const timeout = connection("Timeout", "front", { from: "front", conf: { http: { requestTimeout: "200ms" } } });
      for (const app of [eastWeb, westWeb]) app.respond = () => ({ delayMs: 600 });
      try {
        await bed.answers(proxied, 200);
        await bed.during(timeout, () => bed.answers(proxied, 504));
        await bed.answers(proxied, 200);
        await bed.during(connection("TrafficPermission", "not-front", { from: "caller", to: "web" }), () => bed.answers(proxied, 503));
      } finally {
        for (const app of [eastWeb, westWeb]) app.respond = () => undefined;
      }
      await bed.answers(proxied, 200);
    },
  );

  test("is a source for policies", async () => {
    await bed.during(connection("TrafficPermission", "not-front", { from: "caller", to: "web" }), async () => {
      await bed.answers(delegated, 503);
      await bed.answers(web, 200);
    });
    await bed.answers(delegated, 200);
  });
});

describe.each([
  { caller: "a sidecar", number: web },
  { caller: "a builtin gateway", number: edge },
])("locality-aware load balancing for $caller", ({ number }) => {
  test("keeps traffic in the zone, fails over to the other, and comes back", async () => {
    const shares = () => bed.shares(number, 10);
    const settle = (wanted: string[]) =>
      eventually(async () => expect(Object.keys(await shares()).toSorted()).toEqual(wanted) ?? true, { limitMs: 20_000, everyMs: 50 });
    await settle(["web-east", "web-west"]);
    await bed.apply(mesh("default", { routing: { zoneEgress: true, localityAwareLoadBalancing: true } }));
    try {
      await settle(["web-east"]);
      await bed.atoll.stopProxy("web-east");
      await settle(["web-west"]);
      await bed.atoll.startProxy("east", bed.document("web-east"));
      await settle(["web-east"]);
    } finally {
      await bed.apply(mesh("default", { routing: { zoneEgress: true } }));
    }
    await settle(["web-east", "web-west"]);
  });
});

test("an instance that fails its probe leaves the endpoints of both zones, and comes back with it", async () => {
  const probe = { interval: "0.2s", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, tcp: {} };
  const route = gatewayRoute("probed", "edge", [prefixRule("/probed", "probed")]);
  const west = await bed.service("probed", "probed-west", { zone: "west", probe });
  await bed.service("probed", "probed-east", { probe });
  const answering = (...names: string[]) =>
    eventually(
      async () => {
        const found = Object.keys(await bed.shares(edge, 12, "/probed/a")).toSorted();
        if (found.join() !== names.join()) throw new Error(`${found.join()} answer, not ${names.join()}`);
        return true;
      },
      { limitMs: 20_000, everyMs: 50 },
    );
  /** Ways to the service that an Envoy has: the egress of east to the other zone, the ingress of west to its instances. */
  const ways = async (admin: number) => sumOf(await envoyStats(admin, /^cluster\.default_probed\.membership_total$/));
  const counted = (wanted: number) =>
    eventually(async () => (await ways(egressAdmin)) === wanted && (await ways(ingressAdmin)) === wanted, { limitMs: 20_000 });
  await bed.during(route, async () => {
    await answering("probed-east", "probed-west");
    await counted(1);
    await west.app.stop();
    await answering("probed-east");
    await counted(0);
    await bed.backend("probed-west", west.appPort);
    await answering("probed-east", "probed-west");
    await counted(1);
  });
});

test("an outbound may name any tags of a service in another zone, though nothing else in the mesh names them", async () => {
  await bed.answers(versioned, 200, "/", "web-west");
  expect(await bed.shares(versioned, 10)).toEqual({ "web-west": 10 });
});

test("an outbound of one mesh never reaches a service of another that is not exposed", async () => {
  const { text } = await bed.get(web, "/");
  expect(text).toContain('"service":"web-');
  const clusters = await envoyStats(callerAdmin, /^cluster\.catalog.*membership_total$/);
  expect(clusters).toEqual({});
});

// The same question on the zone that serves the proxy and, by the proxy's name there, on global.
describe("what made a proxy's configuration what it is", () => {
  interface Told {
    kind: string;
    revision: number;
    acknowledged: number;
    listeners: Part[];
    routes: { virtualHosts: { routes: Part[] }[] }[];
    clusters: Part[];
  }
  interface Part {
    name?: string;
    from: { type: string; name: string; revision: number }[];
    policies: { type: string; candidates: { name: string; verdict: string }[] }[];
  }
  const explain = async (url: string, path: string): Promise<Told> => {
    const answer = await rest(`${url}${path}/_explain`);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<Told>();
  };
  const nameOnGlobal = async (collection: string, name: string): Promise<string> => {
    const { items } = (await bed.atoll.call(collection.replace("/zoneing", "/zone-ing"))).json<{
      items: { name: string; labels: Record<string, string> }[];
    }>();
    return items.find(({ labels }) => labels["kuma.io/display-name"] === name)!.name;
  };

  test("a route of a gateway names its resource and the chosen policy, and why the others are not, in the zone and on global", async () => {
    const timeout = (name: string, settings: object) =>
      connection("Timeout", name, { conf: { http: { requestTimeout: "9s" } }, ...settings });
    const policies = [timeout("general", {}), timeout("to-web", { from: "edge", to: "web" }), timeout("others", { from: "caller" })];
    await bed.during(policies, async () => {
      const collection = "/meshes/default/dataplanes";
      const inZone = await explain(bed.atoll.zone("east").url, `${collection}/edge-1`);
      const onGlobal = await explain(bed.atoll.stack.url, `${collection}/${await nameOnGlobal(collection, "edge-1")}`);
      for (const told of [inZone, onGlobal]) {
        expect(told.kind).toBe("gateway");
        expect(told.acknowledged).toBe(told.revision);
        const routes = told.routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes));
        const route = routes.find(({ from }) => from.some((ref) => ref.type === "MeshGatewayRoute" && ref.name === "edge"))!;
        expect(route.policies.find(({ type }) => type === "Timeout")?.candidates.map(({ name, verdict }) => [name, verdict])).toEqual([
          ["to-web", "chosen"],
          ["general", "lessExact"],
          ["others", "sourcesDoNotMatch"],
        ]);
        const endpoints = told.clusters.flatMap(({ from }) => from.map(({ type, name }) => `${type} ${name}`));
        expect(endpoints).toEqual(expect.arrayContaining(["Dataplane web-east", "ZoneEgress egress-east"]));
      }
    });
  });

  test.each([
    { type: "ZoneEgress", zone: "east", collection: "/zoneegresses", name: "egress-east", kind: "egress", source: "Zone west" },
    {
      type: "ZoneIngress",
      zone: "west",
      collection: "/zoneingresses",
      name: "ingress-west",
      kind: "ingress",
      source: "Dataplane web-west",
    },
    { type: "Dataplane", zone: "east", collection: "/meshes/default/dataplanes", name: "caller-1", kind: "sidecar", source: "Mesh shop" },
    {
      type: "Dataplane",
      zone: "east",
      collection: "/meshes/default/dataplanes",
      name: "front-1",
      kind: "sidecar",
      source: "Dataplane web-east",
    },
  ])("$kind $name: every listener and cluster says what it was made from", async ({ zone, collection, name, kind, source }) => {
    const inZone = await explain(bed.atoll.zone(zone).url, `${collection}/${name}`);
    const onGlobal = await explain(bed.atoll.stack.url, `${collection}/${await nameOnGlobal(collection, name)}`);
    for (const told of [inZone, onGlobal]) {
      expect(told.kind).toBe(kind);
      const parts = [...told.listeners, ...told.clusters];
      expect(parts.length).toBeGreaterThan(1);
      for (const part of parts) expect(part.from, part.name).not.toEqual([]);
      expect(told.clusters.flatMap(({ from }) => from.map((ref) => `${ref.type} ${ref.name}`))).toContain(source);
    }
  });

  test("atollctl tells it in lines", async () => {
    const atollctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));
    const args = ["--address", bed.atoll.zone("east").url, "inspect", "dataplane", "edge-1", "--explain"];
    await using run = await startProcess(atollctl, args);
    await eventually(() => run.output().includes("from MeshGatewayRoute edge@"), { limitMs: 10_000 });
    expect(run.output()).toMatch(/^gateway edge-1 of mesh default in zone east, revision \d+, Envoy at \d+$/m);
  });
});

// A proxy whose own address is another than the one its admin interface binds, as on a machine of its own.
test("Envoy's admin interface is shown to the control plane alone, which reads it from afar; whether Envoy is ready is shown to everybody", async () => {
  const address = "127.0.0.2";
  const inbound = [{ port: bed.freshPort(), tags: { "kuma.io/service": "far-off", "kuma.io/protocol": "http" } }];
  const { admin } = await bed.sidecar("far-off", "far-off-1", bed.freshPort(), { zone: "west", networking: { address, inbound } });
  const shown = (path: string) => rest(`http://${address}:${admin}${path}`, { headers: { connection: "close" } });
  await eventually(async () => (await shown("/ready")).status === 200, { limitMs: 20_000 });
  expect((await shown("/config_dump")).status).toBe(404);
  await expect(fetch(`https://${address}:${admin}/config_dump`)).rejects.toThrow();

  const { items } = (await bed.atoll.call("/meshes/default/dataplanes?name=far-off-1")).json<{ items: { name: string }[] }>();
  const path = `/meshes/default/dataplanes/${items[0]!.name}`;
  const dump = await bed.atoll.call(`${path}/xds`);
  expect([dump.status, dump.text]).toEqual([200, expect.stringContaining(`inbound:${address}:${inbound[0]!.port}`)]);
  expect((await bed.atoll.call(`${path}/clusters`)).text).toContain("kuma:envoy:admin::");
  // It came through the listener, with a client certificate.
  const handshakes = await envoyStats(admin, /^listener\.127\.0\.0\.2_\d+\.ssl\.handshake$/);
  expect(sumOf(handshakes)).toBeGreaterThan(1);
});
