import { get } from "@atoll/demo/measure";
import { eventually } from "@atoll/testkit/eventually";
import { type SampleHttpServer, startHttpServer } from "@atoll/testkit/sample-server";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, expect, test } from "vitest";
import { envoyStats, sumOf, TestStack } from "./index.ts";

// Servers outside of every mesh, reached from a gateway in east: through east's egress, or through west's where they are tagged so.
let atoll: TestStack;
const servers: Record<string, SampleHttpServer> = {};
const pair = selfSignedPair(["secure.test"]);
const strangers = selfSignedPair(["secure.test"]);

beforeAll(async () => {
  atoll = await TestStack.start(30_250);
  servers["plain"] = await startHttpServer("plain", { port: atoll.port(0) });
  servers["secure"] = await startHttpServer("secure", { port: atoll.port(1), tls: pair });
  servers["remote"] = await startHttpServer("remote", { port: atoll.port(2) });
  for (const document of [...atoll.documents("meshes"), ...atoll.documents("gateways")]) await atoll.apply(document);
  await atoll.apply(external("plain", { address: `127.0.0.1:${atoll.port(0)}` }));
  await atoll.apply(external("secure", secureNetworking(pair.certificatePem)));
  await atoll.apply(external("remote", { address: `127.0.0.1:${atoll.port(2)}` }, { "kuma.io/zone": "west" }));
  await atoll.apply(routes);
  await atoll.startProxy("east", atoll.document("east", "edge-1"));
  await atoll.startProxy("east", atoll.document("east", "egress-1"));
  await atoll.startProxy("west", atoll.document("west", "ingress-1"));
  await atoll.startProxy("west", {
    type: "ZoneEgress",
    name: "egress-2",
    networking: { address: "127.0.0.1", port: atoll.port(3), admin: { port: atoll.port(4) } },
  });
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  expect(nacks).toEqual([]);
}, 60_000);

const external = (name: string, networking: object, tags: Record<string, string> = {}) => ({
  type: "ExternalService",
  mesh: "default",
  name,
  tags: { "kuma.io/service": name, "kuma.io/protocol": "http", ...tags },
  networking,
});

const secureNetworking = (caPem: string) => ({
  address: `127.0.0.1:${atoll.port(1)}`,
  tls: { enabled: true, serverName: "secure.test", caCert: { inline: Buffer.from(caPem).toString("base64") } },
});

const routes = {
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "outside",
  selectors: [{ match: { "kuma.io/service": "edge" } }],
  conf: {
    http: {
      rules: ["plain", "secure", "remote"].map((service) => ({
        matches: [{ path: { match: "PREFIX", value: `/${service}` } }],
        filters: [{ rewrite: { replacePrefixMatch: "/" } }],
        backends: [{ weight: 1, destination: { "kuma.io/service": service } }],
      })),
    },
  },
};

const edge = (path: string) => get(atoll.ports.edgePort, path);
const admin = (digit: number) => atoll.ports.adminBase * 10 + digit;
/** Requests that east's egress passed on to an external service. */
const throughEgress = async (service: string) =>
  sumOf(
    await envoyStats(
      admin(3),
      new RegExp(`^cluster\\.default_${service}\\..*upstream_rq_total$|^cluster\\.default_${service}\\.upstream_rq_total$`),
    ),
  );
const answers = (status: number, path: string) =>
  eventually(
    async () => {
      const answer = await edge(path);
      if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`);
      return answer;
    },
    { limitMs: 20_000 },
  );

test("an HTTP server answers through the egress", async () => {
  const answer = JSON.parse((await answers(200, "/plain/a")).text) as { service: string; path: string };
  expect(answer).toMatchObject({ service: "plain", path: "/a" });
  const before = await throughEgress("plain");
  for (let round = 0; round < 5; round++) expect((await edge("/plain/b")).status).toBe(200);
  expect(await throughEgress("plain")).toBe(before + 5);
});

test("an HTTPS server answers through the egress, which makes the TLS connection and checks its certificate", async () => {
  const answer = JSON.parse((await answers(200, "/secure/a")).text) as { service: string; path: string };
  expect(answer).toMatchObject({ service: "secure", path: "/a" });
  const before = await throughEgress("secure");
  expect((await edge("/secure/b")).status).toBe(200);
  expect(await throughEgress("secure")).toBe(before + 1);
  expect(sumOf(await envoyStats(admin(3), /^cluster\.default_secure\.ssl\.handshake$/))).toBeGreaterThan(0);

  // A connection that was checked once stays; the server that comes back is checked by the new CA.
  await servers["secure"]!.stop();
  await atoll.applied(await atoll.apply(external("secure", secureNetworking(strangers.certificatePem))));
  servers["secure"] = await startHttpServer("secure", { port: atoll.port(1), tls: pair });
  expect((await edge("/secure/c")).status).toBe(503);
  expect(sumOf(await envoyStats(admin(3), /^cluster\.default_secure\.ssl\.fail_verify_error$/))).toBeGreaterThan(0);
  expect(servers["secure"].requests).toEqual([]);
  await atoll.apply(external("secure", secureNetworking(pair.certificatePem)));
  await answers(200, "/secure/d");
});

test("a server tagged with the other zone is reached through both zones' egresses", async () => {
  expect(JSON.parse((await answers(200, "/remote/a")).text)).toMatchObject({ service: "remote", path: "/a" });
  const west = async () => sumOf(await envoyStats(atoll.port(4), /^cluster\.default_remote\.upstream_rq_total$/));
  const before = await west();
  expect((await edge("/remote/b")).status).toBe(200);
  expect(await west()).toBe(before + 1);
});

test("without a permission the egress refuses", async () => {
  const permission = atoll.documents("meshes").find((one) => one["type"] === "TrafficPermission" && one["mesh"] === "default")!;
  await atoll.remove(permission);
  await answers(403, "/plain/a");
  const seen = servers["plain"]!.requests.length;
  expect((await edge("/plain/b")).status).toBe(403);
  expect(servers["plain"]!.requests).toHaveLength(seen);
  await atoll.apply(permission);
  await answers(200, "/plain/a");
});

test("without its egress the gateway reaches neither server, and does not try by itself", async () => {
  await answers(200, "/plain/a");
  await answers(200, "/secure/a");
  await atoll.killProxy("egress-1");
  const seen = { plain: servers["plain"]!.requests.length, secure: servers["secure"]!.requests.length };
  for (let round = 0; round < 5; round++) {
    expect((await edge("/plain/x")).status).toBe(503);
    expect((await edge("/secure/x")).status).toBe(503);
  }
  const { text } = await get(admin(1), "/clusters");
  expect(text).not.toContain(`127.0.0.1:${atoll.port(0)}`);
  expect(text).not.toContain(`127.0.0.1:${atoll.port(1)}`);
  expect(servers["plain"]!.requests).toHaveLength(seen.plain);
  expect(servers["secure"]!.requests).toHaveLength(seen.secure);
  await atoll.startProxy("east", atoll.document("east", "egress-1"));
  await answers(200, "/plain/y");
});
