import { Resolver } from "node:dns/promises";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { envoyStats, sumOf } from "./envoy.ts";
import { gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// Virtual IPs out of the loopback's own range: an Envoy whose workload is not redirected binds them, and whoever resolves a name can
// connect to what it gets. `redirected.test.ts` shows the same behind the redirection of a host.
let bed: MeshBed;
let ordersWest: Backend[];
let external: { app: Backend; port: number };
let egressAdmin: number;
const vipPort = 20;
const shopPort = { here: 21, there: 22 };
const dns = { caller: 23, picky: 24 };

/** A workload that calls others by name. Answers its resolver: the DNS listener of its Envoy. */
async function caller(name: string, envoyDns: number, proxying: object = {}): Promise<Resolver> {
  await bed.service(name, `${name}-1`, {
    env: { KUMA_DNS_ENABLED: "false", KUMA_DNS_ENVOY_DNS_PORT: String(bed.port(envoyDns)) },
    networking: { outbound: [], transparentProxying: proxying },
  });
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${bed.port(envoyDns)}`]);
  return resolver;
}
let resolver: Resolver;
let picky: Resolver;

/** Resolves a name and asks what is there. */
async function call(name: string, port: number, path = "/"): Promise<{ status: number; text: string; address: string }> {
  const [address] = await resolver.resolve4(name);
  const answer = await rest(`http://${address}:${port}${path}`, { headers: { connection: "close", host: name } });
  return { status: answer.status, text: answer.text, address: address! };
}
const reaches = (name: string, port: number, service: string, path = "/") =>
  eventually(
    async () => {
      const answer = await call(name, port, path);
      if (answer.status !== 200 || !answer.text.includes(`"service":"${service}`)) throw new Error(`${name} answers ${answer.text}`);
      return answer.address;
    },
    { limitMs: 20_000, everyMs: 50 },
  );
const unknown = (name: string, by = resolver) =>
  eventually(
    async () => {
      await expect(by.resolve4(name)).rejects.toMatchObject({ code: "ENOTFOUND" });
      return true;
    },
    { limitMs: 20_000, everyMs: 50 },
  );

beforeAll(async () => {
  bed = await MeshBed.start(15_500, (base) => ({
    env: {
      KUMA_DNS_SERVER_CIDR: "127.240.0.0/16",
      KUMA_DNS_SERVER_SERVICE_VIP_PORT: String(MeshBed.portAt(base, vipPort)),
      ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "1000",
    },
  }));
  external = await bed.backend("bin");
  const crossMesh = (name: string, number: number, listener: object) => ({
    ...bed.meshGateway(name, { [number]: { crossMesh: true, tags: { listener: name }, ...listener } }, { mesh: "shop" }),
    name,
  });
  const documents = [
    mesh("default", { routing: { zoneEgress: true } }),
    mesh("shop", { routing: { zoneEgress: true } }),
    ...openMesh(),
    ...openMesh("shop"),
    crossMesh("shop-here", shopPort.here, { hostname: "here.shop.mesh" }),
    crossMesh("shop-there", shopPort.there, {}),
    gatewayRoute("here", "shop-here", [prefixRule("/", "catalog-east")], { mesh: "shop" }),
    gatewayRoute("there", "shop-there", [prefixRule("/", "catalog-west")], { mesh: "shop" }),
    {
      ...{ type: "ExternalService", mesh: "default", name: "bin", tags: { "kuma.io/service": "bin", "kuma.io/protocol": "http" } },
      networking: { address: `localhost:${external.port}` },
    },
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [, west1, made, made2, west2, egress] = await Promise.all([
    bed.service("web_ns_svc", "web-east"),
    bed.service("orders", "orders-west-1", { zone: "west", tags: { version: "v1" } }),
    caller("caller", dns.caller),
    caller("picky", dns.picky, { reachableServices: ["web_ns_svc"], ipFamilyMode: "IPv4" }),
    bed.service("orders", "orders-west-2", { zone: "west", tags: { version: "v2" } }),
    bed.zoneProxy("ZoneEgress", "egress-east", "east"),
    bed.zoneProxy("ZoneIngress", "ingress-west", "west"),
    bed.service("catalog-east", "catalog-east-1", { mesh: "shop" }),
    bed.service("catalog-west", "catalog-west-1", { mesh: "shop", zone: "west" }),
    bed.gateway("shop-here", "shop-here-1", { mesh: "shop" }),
    bed.gateway("shop-there", "shop-there-1", { mesh: "shop", zone: "west" }),
  ]);
  [resolver, picky, ordersWest, egressAdmin] = [made, made2, [west1.app, west2.app], egress.admin];
  await eventually(() => call("orders.mesh", bed.port(vipPort)).then(({ status }) => status === 200), { limitMs: 60_000, everyMs: 50 });
}, 180_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

describe("a name of the mesh", () => {
  test("leads to a service of the zone, also with dots for underscores, and in both families", async () => {
    const address = await reaches("web_ns_svc.mesh", bed.port(vipPort), "web-east");
    expect(await reaches("web.ns.svc.mesh", bed.port(vipPort), "web-east")).toBe(address);
    expect(await resolver.resolve6("web_ns_svc.mesh")).toEqual([`::ffff:${address}`]);
  });

  test("leads to a service of another zone, through egress and ingress", async () => {
    await reaches("orders.mesh", bed.port(vipPort), "orders-west", "/by-name");
    expect(ordersWest.some((app) => app.seen("/by-name") > 0)).toBe(true);
    expect(sumOf(await envoyStats(egressAdmin, /^cluster\.default_orders\..*upstream_cx_total$/))).toBeGreaterThan(0);
  });

  test("leads to an external service, by its own name and by its host's", async () => {
    await reaches("bin.mesh", bed.port(vipPort), "bin");
    await reaches("bin.mesh", external.port, "bin");
    await reaches("localhost", external.port, "bin");
  });

  test("exists only if somebody offers it", async () => {
    await unknown("nobody.mesh");
    await unknown("catalog-east.mesh");
  });

  test("is one of those that the workload says it calls, in the families it has", async () => {
    await eventually(async () => (await picky.resolve4("web_ns_svc.mesh")).length === 1, { limitMs: 20_000 });
    await expect(picky.resolve6("web_ns_svc.mesh")).rejects.toMatchObject({ code: expect.stringMatching(/ENOTFOUND|ENODATA/) });
    await unknown("orders.mesh", picky);
  });
});

describe("a cross-mesh gateway, called by name", () => {
  test("in the same zone, by the hostname of its listener", async () => {
    await reaches("here.shop.mesh", bed.port(shopPort.here), "catalog-east-1");
  });

  test("in the other zone, by its generated name, through egress and ingress", async () => {
    const through = async () => sumOf(await envoyStats(egressAdmin, /^cluster\.shop_shop-there\..*upstream_cx_total$/));
    await reaches("internal.shop-there.shop.mesh", bed.port(shopPort.there), "catalog-west-1");
    expect(await through()).toBeGreaterThan(0);
  });
});

describe("a VirtualOutbound", () => {
  const versions = (port: string) => ({
    ...{ type: "VirtualOutbound", mesh: "default", name: "versions" },
    selectors: [{ match: { "kuma.io/service": "*", version: "*" } }],
    conf: {
      host: "{{.version}}.{{.service}}.mesh",
      port,
      parameters: [{ name: "service", tagKey: "kuma.io/service" }, { name: "version" }],
    },
  });

  test("gives names to instances with a tag, moves their port, and takes them away", async () => {
    await bed.during(versions(String(bed.port(30))), async () => {
      await reaches("v1.orders.mesh", bed.port(30), "orders-west-1");
      await reaches("v2.orders.mesh", bed.port(30), "orders-west-2");
      await bed.apply(versions(`{{if eq .version "v1"}}${bed.port(31)}{{else}}${bed.port(32)}{{end}}`));
      await reaches("v1.orders.mesh", bed.port(31), "orders-west-1");
      await reaches("v2.orders.mesh", bed.port(32), "orders-west-2");
      await eventually(
        () =>
          call("v1.orders.mesh", bed.port(30)).then(
            () => false,
            (error: Error) => /ECONNREFUSED/.test(error.message),
          ),
        {
          limitMs: 20_000,
          everyMs: 50,
        },
      );
    });
    await unknown("v1.orders.mesh");
  });
});

describe("an address", () => {
  test("stays with its name while others come and go, and when the zone's processes are killed", async () => {
    const port = bed.port(vipPort);
    await reaches("web_ns_svc.mesh", port, "web-east");
    const before = { orders: (await call("orders.mesh", port)).address, web: (await call("web_ns_svc.mesh", port)).address };
    await bed.service("aardvark", "aardvark-1");
    const aardvark = await reaches("aardvark.mesh", port, "aardvark-1");
    const { sync, xds } = bed.atoll.zone("east");
    await Promise.all([sync.kill(), xds.kill()]);
    await sync.start();
    await xds.start();
    await bed.service("badger", "badger-1");
    const badger = await reaches("badger.mesh", port, "badger-1");
    // A proxy that is not back within the second it has here is given up for a moment, so these are asked until they answer.
    expect(await reaches("orders.mesh", port, "orders-west")).toBe(before.orders);
    expect(await reaches("web_ns_svc.mesh", port, "web-east")).toBe(before.web);
    expect(await reaches("aardvark.mesh", port, "aardvark-1")).toBe(aardvark);
    expect(new Set([before.orders, before.web, aardvark, badger]).size).toBe(4);
  });

  test("is the same when a name that nobody offered for a while is back", async () => {
    const port = bed.port(vipPort);
    const before = await reaches("aardvark.mesh", port, "aardvark-1");
    await bed.atoll.stopProxy("aardvark-1");
    await unknown("aardvark.mesh");
    await bed.service("between", "between-1");
    expect(await reaches("between.mesh", port, "between-1")).not.toBe(before);
    await bed.atoll.startProxy("east", bed.document("aardvark-1"));
    expect(await reaches("aardvark.mesh", port, "aardvark-1")).toBe(before);
  });
});
