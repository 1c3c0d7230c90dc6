import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { eventually } from "@atoll/testkit/eventually";
import { type SampleHttpServer, type SampleRequest, startHttpServer } from "@atoll/testkit/sample-server";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestStack } from "./index.ts";

// What a builtin gateway does with a request, on one gateway with an HTTP and two HTTPS listeners.
let atoll: TestStack;
const backends: Record<string, SampleHttpServer> = {};
const certificates = { shop: selfSignedPair(["shop.test"]), wild: selfSignedPair(["*.wild.test"]) };

beforeAll(async () => {
  atoll = await TestStack.start(32_000, { zones: ["east"] });
  await atoll.apply({ type: "Mesh", name: "default", mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } });
  await atoll.apply({ type: "TrafficPermission", mesh: "default", name: "all", sources: every, destinations: every });
  for (const [name, { certificatePem, privateKeyPem }] of Object.entries(certificates)) {
    await atoll.apply({ type: "Secret", mesh: "default", name, data: Buffer.from(certificatePem + privateKeyPem).toString("base64") });
  }
  const tls = (secret: string) => ({ mode: "TERMINATE", certificates: [{ secret }] });
  await atoll.apply({
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: {
      listeners: [
        { port: httpPort(), protocol: "HTTP", hostname: "a.test" },
        { port: httpPort(), protocol: "HTTP", hostname: "*.b.test" },
        { port: httpPort(), protocol: "HTTP" },
        { port: httpsPort(), protocol: "HTTPS", hostname: "shop.test", tls: tls("shop") },
        { port: httpsPort(), protocol: "HTTPS", hostname: "*.wild.test", tls: tls("wild") },
      ],
    },
  });
  let port = 10;
  for (const name of ["one", "two"]) {
    const server = await startHttpServer(name, { port: atoll.port(port++) });
    backends[name] = server;
    await atoll.startProxy("east", {
      type: "Dataplane",
      mesh: "default",
      name,
      networking: {
        address: "127.0.0.1",
        admin: { port: atoll.port(port++) },
        inbound: [
          {
            port: atoll.port(port++),
            servicePort: server.port,
            serviceAddress: "127.0.0.1",
            tags: { "kuma.io/service": name, "kuma.io/protocol": "http" },
          },
        ],
      },
    });
  }
  await atoll.startProxy("east", {
    type: "Dataplane",
    mesh: "default",
    name: "edge-1",
    networking: { address: "127.0.0.1", admin: { port: atoll.port(2) }, gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  });
  await serves("base", [{ matches: [prefix("/")], backends: [to("one")] }]);
  await eventually(async () => (await ask("/")).status === 200, { limitMs: 20_000 });
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  await Promise.all(Object.values(backends).map((server) => server.stop()));
  expect(nacks).toEqual([]);
}, 60_000);

const every = [{ match: { "kuma.io/service": "*" } }];
const httpPort = () => atoll.port(0);
const httpsPort = () => atoll.port(1);
const prefix = (value: string) => ({ path: { match: "PREFIX", value } });
const exact = (value: string) => ({ path: { match: "EXACT", value } });
const to = (service: string, weight = 1) => ({ weight, destination: { "kuma.io/service": service } });

/** Applies a route of the gateway, and waits until its Envoy has acknowledged it. */
async function serves(name: string, rules: object[], hostnames?: string[]): Promise<void> {
  const revision = await atoll.apply({
    type: "MeshGatewayRoute",
    mesh: "default",
    name,
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { http: { ...(hostnames && { hostnames }), rules } },
  });
  await atoll.applied(revision);
}

interface Seen extends SampleRequest {
  service: string;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** What the backend saw. */
  seen(): Seen;
}

function ask(
  path: string,
  options: { host?: string; method?: string; headers?: Record<string, string>; ca?: string } = {},
): Promise<Answer> {
  const { host, method = "GET", headers, ca } = options;
  return new Promise((resolve, reject) => {
    const target = {
      host: "127.0.0.1",
      path,
      method,
      headers: { ...headers, ...(host && { host }) },
      agent: false as const,
      timeout: 5_000,
    };
    const call =
      ca === undefined
        ? httpRequest({ ...target, port: httpPort() })
        : httpsRequest({ ...target, port: httpsPort(), servername: host, ca });
    call.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, seen: () => JSON.parse(text) as Seen }),
      );
    });
    call.on("timeout", () => call.destroy(new Error("no answer within 5 s")));
    call.on("error", reject);
    call.end();
  });
}

const service = async (path: string, options?: Parameters<typeof ask>[1]) => {
  const answer = await ask(path, options);
  return answer.status === 200 ? answer.seen().service : String(answer.status);
};

test("HTTPS: each hostname has its own certificate from its Secret, and the service's answer comes through", async () => {
  const shop = await ask("/a", { host: "shop.test", ca: certificates.shop.certificatePem });
  expect([shop.status, shop.seen().service, shop.seen().path]).toEqual([200, "one", "/a"]);
  expect(shop.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
  expect((await ask("/a", { host: "x.wild.test", ca: certificates.wild.certificatePem })).status).toBe(200);
  await expect(ask("/a", { host: "shop.test", ca: certificates.wild.certificatePem })).rejects.toThrow(/self.signed certificate/);
  await expect(ask("/a", { host: "other.test", ca: certificates.shop.certificatePem })).rejects.toThrow(/ECONNRESET|disconnected|hang up/);
});

test("HTTPS: a changed Secret is used for new connections", async () => {
  const renewed = selfSignedPair(["shop.test"]);
  await atoll.applied(
    await atoll.apply({
      type: "Secret",
      mesh: "default",
      name: "shop",
      data: Buffer.from(renewed.certificatePem + renewed.privateKeyPem).toString("base64"),
    }),
  );
  expect((await ask("/a", { host: "shop.test", ca: renewed.certificatePem })).status).toBe(200);
  await expect(ask("/a", { host: "shop.test", ca: certificates.shop.certificatePem })).rejects.toThrow(/self.signed certificate/);
});

test("hostnames: of listeners and of routes, exact before wildcard before any", async () => {
  await serves("host-a", [{ matches: [prefix("/host")], backends: [to("two")] }], ["a.test"]);
  await serves(
    "host-b",
    [{ matches: [prefix("/host")], filters: [{ rewrite: { replaceFull: "/from-b" } }], backends: [to("two")] }],
    ["*.b.test"],
  );
  expect(await service("/host", { host: "a.test" })).toBe("two");
  expect((await ask("/host", { host: "x.b.test" })).seen()).toMatchObject({ service: "two", path: "/from-b" });
  expect(await service("/host", { host: "elsewhere.test" })).toBe("one");
});

test("paths: exact before the longest prefix, before regular expressions; a prefix is whole segments", async () => {
  await serves("paths", [
    { matches: [prefix("/p")], filters: [{ rewrite: { replaceFull: "/short" } }], backends: [to("two")] },
    { matches: [prefix("/p/long")], filters: [{ rewrite: { replaceFull: "/long" } }], backends: [to("two")] },
    { matches: [exact("/p/long/exact")], filters: [{ rewrite: { replaceFull: "/exact" } }], backends: [to("two")] },
    { matches: [{ path: { match: "REGEX", value: "/r/[0-9]+" } }], backends: [to("two")] },
  ]);
  const path = async (asked: string) => (await ask(asked)).seen().path;
  expect(await path("/p")).toBe("/short");
  expect(await path("/p/x")).toBe("/short");
  expect(await path("/p/long/x")).toBe("/long");
  expect(await path("/p/long/exact")).toBe("/exact");
  expect(await service("/p-not")).toBe("one");
  // Any prefix goes before a regular expression, also the shortest.
  expect(await service("/r/12")).toBe("one");
});

test("methods, headers and query parameters: all of a match have to hold", async () => {
  await serves("matches", [
    { matches: [{ ...exact("/m"), method: "POST" }], backends: [to("two")] },
    {
      matches: [
        {
          ...exact("/h"),
          headers: [
            { match: "EXACT", name: "x-to", value: "two" },
            { match: "PRESENT", name: "x-any" },
            { match: "ABSENT", name: "x-no" },
          ],
        },
      ],
      backends: [to("two")],
    },
    { matches: [{ ...exact("/hr"), headers: [{ match: "REGEX", name: "x-to", value: "t.o" }] }], backends: [to("two")] },
    {
      matches: [
        {
          ...exact("/q"),
          queryParameters: [
            { match: "EXACT", name: "to", value: "two" },
            { match: "REGEX", name: "n", value: "[0-9]+" },
          ],
        },
      ],
      backends: [to("two")],
    },
  ]);
  expect(await service("/m", { method: "POST" })).toBe("two");
  expect(await service("/m")).toBe("one");
  expect(await service("/h", { headers: { "x-to": "two", "x-any": "" } })).toBe("two");
  expect(await service("/h", { headers: { "x-to": "two" } })).toBe("one");
  expect(await service("/h", { headers: { "x-to": "two", "x-any": "1", "x-no": "1" } })).toBe("one");
  expect(await service("/hr", { headers: { "x-to": "two" } })).toBe("two");
  expect(await service("/hr", { headers: { "x-to": "twoo" } })).toBe("one");
  expect(await service("/q?to=two&n=17")).toBe("two");
  expect(await service("/q?to=two&n=x")).toBe("one");
});

test("weights: three to one, and none for weight 0", async () => {
  await serves("weights", [
    { matches: [prefix("/w")], backends: [to("one", 3), to("two", 1)] },
    { matches: [prefix("/none")], backends: [to("one", 0), to("two", 1)] },
  ]);
  const counts: Record<string, number> = { one: 0, two: 0 };
  for (let round = 0; round < 400; round++) counts[await service("/w")]!++;
  expect(counts["one"]! + counts["two"]!).toBe(400);
  // Four standard deviations of a fair draw around 100.
  expect(counts["two"]).toBeGreaterThan(65);
  expect(counts["two"]).toBeLessThan(135);
  for (let round = 0; round < 20; round++) expect(await service("/none")).toBe("two");
});

test("header filters: set, add and remove on the way there and back", async () => {
  await serves("headers", [
    {
      matches: [prefix("/headers")],
      filters: [
        { requestHeader: { set: [{ name: "x-set", value: "new" }], add: [{ name: "x-add", value: "b" }], remove: ["x-gone"] } },
        {
          responseHeader: {
            set: [{ name: "x-answer", value: "1" }],
            add: [{ name: "x-service", value: "added" }],
            remove: ["x-envoy-upstream-service-time"],
          },
        },
      ],
      backends: [to("one")],
    },
  ]);
  const answer = await ask("/headers", { headers: { "x-set": "old", "x-add": "a", "x-gone": "1" } });
  expect(answer.seen().headers).toMatchObject({ "x-set": "new", "x-add": "a, b" });
  expect(answer.seen().headers).not.toHaveProperty("x-gone");
  expect(answer.headers["x-answer"]).toBe("1");
  expect(answer.headers["x-service"]).toBe("one, added");
  expect(answer.headers).not.toHaveProperty("x-envoy-upstream-service-time");
});

test("rewrite: of a prefix, of the whole path, of the host", async () => {
  await serves("rewrite", [
    { matches: [prefix("/rp")], filters: [{ rewrite: { replacePrefixMatch: "/new" } }], backends: [to("one")] },
    { matches: [prefix("/rr")], filters: [{ rewrite: { replacePrefixMatch: "/" } }], backends: [to("one")] },
    { matches: [prefix("/rf")], filters: [{ rewrite: { replaceFull: "/full" } }], backends: [to("one")] },
    { matches: [prefix("/rh")], filters: [{ requestHeader: { set: [{ name: "host", value: "inside.test" }] } }], backends: [to("one")] },
  ]);
  const path = async (asked: string) => (await ask(asked)).seen().path;
  expect(await path("/rp/a?b=1")).toBe("/new/a?b=1");
  expect(await path("/rp")).toBe("/new");
  expect(await path("/rr/a")).toBe("/a");
  expect(await path("/rr")).toBe("/");
  expect(await path("/rf/a/b?c=1")).toBe("/full?c=1");
  expect((await ask("/rh", { host: "a.test" })).seen().host).toBe("inside.test");
});

test("redirect: scheme, host, port, path and status", async () => {
  await serves("redirect", [
    {
      matches: [prefix("/go")],
      filters: [
        { redirect: { scheme: "https", hostname: "there.test", port: 8443, statusCode: 301, path: { replacePrefixMatch: "/gone" } } },
      ],
    },
    { matches: [exact("/old")], filters: [{ redirect: { hostname: "there.test", statusCode: 307 } }] },
  ]);
  const go = await ask("/go/on?x=1", { host: "a.test" });
  expect([go.status, go.headers["location"]]).toEqual([301, "https://there.test:8443/gone/on"]);
  const old = await ask("/old", { host: "a.test" });
  expect([old.status, old.headers["location"]]).toEqual([307, `http://there.test:${httpPort()}/old`]);
});

test("mirror: the other service sees a copy, the caller only the first answer", async () => {
  await serves("mirror", [
    {
      matches: [prefix("/mirror")],
      filters: [{ mirror: { percentage: 100, backend: { destination: { "kuma.io/service": "two" } } } }],
      backends: [to("one")],
    },
  ]);
  const seen = () => backends["two"]!.requests.filter((one) => one.path === "/mirror/x");
  for (let round = 0; round < 10; round++) expect(await service("/mirror/x")).toBe("one");
  await eventually(() => seen().length === 10);
  expect(seen()[0]!.host).toMatch(/-shadow/);
});

test("regular expressions match whole paths; what no route matches gets 404, and a gateway without routes says so", async () => {
  await atoll.remove({ type: "MeshGatewayRoute", mesh: "default", name: "base" });
  await eventually(async () => (await ask("/")).status === 404);
  expect(await service("/r/12")).toBe("two");
  expect(await service("/r/12/x")).toBe("404");
  for (const name of ["host-a", "host-b", "paths", "matches", "weights", "headers", "rewrite", "redirect", "mirror"]) {
    const { status } = await atoll.call(`/meshes/default/meshgatewayroutes/${name}`, { method: "DELETE" });
    expect([200, 404]).toContain(status);
  }
  await eventually(async () => (await ask("/")).text === "This is a Kuma MeshGateway. No routes match this MeshGateway!\n");
});
