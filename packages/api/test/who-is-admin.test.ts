import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApi } from "../src/index.ts";
import { planeOptions } from "./fake-plane.ts";

/** What was refused to whom, as the services log it. */
const refusals: { status: number; reason: string }[] = [];
const { options } = planeOptions({ onRefused: (refusal) => refusals.push(refusal) });
const api = createApi(options);
let port = 0;

beforeAll(async () => {
  await api.listen({ host: "127.0.0.1", port: 0 });
  port = (api.server.address() as { port: number }).port;
});
afterAll(() => api.close());

interface Sent {
  method?: string;
  target?: string;
  version?: string;
  /** null = none. */
  host?: string | null;
  headers?: Record<string, string>;
  body?: string;
  /** Where the connection comes from. */
  from?: string;
}

/** As bytes: no client library drops, joins or adds anything. */
function send({ method = "GET", target = "/global-secrets", version = "1.1", host = "localhost", headers = {}, body, from }: Sent) {
  const lines = [`${method} ${target} HTTP/${version}`, ...(host === null ? [] : host.split("|").map((one) => `Host: ${one}`))];
  lines.push(...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "Connection: close");
  if (body !== undefined) lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  return new Promise<{ status: number; head: string; body: string }>((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, ...(from !== undefined && { localAddress: from }) });
    let text = "";
    socket.on("connect", () => socket.write(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`));
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", rest = ""] = text.split(/\r\n\r\n(.*)/s);
      resolve({ status: Number(head.split(" ")[1]), head: head.toLowerCase(), body: rest });
    });
  });
}

describe("whoever sits at this machine is admin without a token", () => {
  test.each<[string, Sent]>([
    ["localhost", {}],
    ["with a port", { host: "localhost:5681" }],
    ["with the port of a tunnel", { host: "localhost:15681" }],
    ["in capitals", { host: "LOCALHOST:5681" }],
    ["127.0.0.1", { host: "127.0.0.1:5681" }],
    ["another address of the loopback", { host: "127.0.1.1" }],
    ["::1", { host: "[::1]:5681" }],
    ["::1 in full", { host: "[0:0:0:0:0:0:0:1]" }],
    ["127.0.0.1 as IPv6", { host: "[::ffff:127.0.0.1]" }],
    [
      "an address typed into a browser",
      { headers: { "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "User-Agent": "Mozilla/5.0" } },
    ],
    ["cookies of something else on localhost", { headers: { Cookie: "session=1" } }],
    ["a client that is traced", { headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } }],
    ["kumactl", { headers: { "User-Agent": "kumactl/2.10.11 (linux; amd64; Kuma/1234567)", "Accept-Encoding": "gzip" } }],
  ])("%s", async (_what, sent) => {
    expect((await send(sent)).status).toBe(200);
  });
});

const notHere = "the request comes from this machine, but ";
const header = (name: string) => `${notHere}has the header "${name.toLowerCase()}", as requests that come through a proxy do`;
const browser = (page: string) => `${notHere}was made by a browser for ${page}`;
const host = (name: string) => `${notHere}asks for the host "${name}", not for localhost, 127.0.0.1 or [::1]`;

describe("what a page, a proxy or a stranger asks for is nobody's, and they hear why", () => {
  test.each<[string, Sent, string]>([
    // Names that DNS leads here.
    ["a name that was rebound", { host: "evil.example" }, host("evil.example")],
    ["with the port", { host: "evil.example:5681" }, host("evil.example:5681")],
    ["a name that begins with localhost", { host: "localhost.evil.example" }, host("localhost.evil.example")],
    ["a name that ends with localhost", { host: "evil.localhost" }, host("evil.localhost")],
    ["localhost as a name in full", { host: "localhost." }, host("localhost.")],
    ["a name that begins with an address", { host: "127.0.0.1.evil.example" }, host("127.0.0.1.evil.example")],
    ["an address with something behind it", { host: "[::1]evil" }, host("[::1]evil")],
    ["a user before the host", { host: "localhost@evil.example" }, host("localhost@evil.example")],
    ["a port that is none", { host: "localhost:evil" }, host("localhost:evil")],
    ["two hosts in one", { host: "localhost,evil.example" }, host("localhost,evil.example")],
    ["every address", { host: "0.0.0.0:5681" }, host("0.0.0.0:5681")],
    ["every address of IPv6", { host: "[::]:5681" }, host("[::]:5681")],
    ["an address of the network", { host: "10.0.0.1" }, host("10.0.0.1")],
    ["a number for an address", { host: "2130706433" }, host("2130706433")],
    ["an address in octal", { host: "0177.0.0.1" }, host("0177.0.0.1")],
    ["a short address", { host: "127.1" }, host("127.1")],
    ["the name of the machine", { host: "cp-1" }, host("cp-1")],
    ["an empty host", { host: "" }, host("")],
    [
      "a target with another host",
      { target: "http://evil.example/global-secrets" },
      `${notHere}names a server in its first line, as requests to a proxy do`,
    ],
    // Pages of other origins.
    ["a page", { headers: { Origin: "https://evil.example" } }, browser("https://evil.example")],
    ["a page on another port of localhost", { headers: { Origin: "http://localhost:3000" } }, browser("http://localhost:3000")],
    ["a page of localhost over TLS", { headers: { Origin: "https://localhost" } }, browser("https://localhost")],
    ["a page in a sandbox or a file", { headers: { Origin: "null" } }, browser("a page without an origin")],
    ["an extension", { headers: { Origin: "chrome-extension://abc" } }, browser("chrome-extension://abc")],
    ["an empty origin", { headers: { Origin: "" } }, browser("")],
    ["an image or a link of another site", { headers: { "Sec-Fetch-Site": "cross-site" } }, browser("another site")],
    ["a page on another port, by its site", { headers: { "Sec-Fetch-Site": "same-site" } }, browser("another site")],
    ["a site not known today", { headers: { "Sec-Fetch-Site": "new-kind" } }, browser("another site")],
    ["a browser that tells the page only", { headers: { Referer: "https://evil.example/page" } }, browser("https://evil.example")],
    ["both", { headers: { Origin: "http://localhost", Referer: "https://evil.example/" } }, browser("https://evil.example")],
    // Proxies on this machine.
    ...[
      ["X-Forwarded-For", "203.0.113.7"],
      ["x-forwarded-for", "127.0.0.1"],
      ["X-Forwarded-Host", "localhost"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Server", "web"],
      ["Forwarded", "for=203.0.113.7"],
      ["Via", "1.1 varnish"],
      ["X-Real-IP", "203.0.113.7"],
      ["X-Client-IP", "127.0.0.1"],
      ["True-Client-IP", "203.0.113.7"],
      ["CF-Connecting-IP", "203.0.113.7"],
      ["CDN-Loop", "cloudflare"],
      ["Fastly-Client-IP", "203.0.113.7"],
      ["X-Envoy-External-Address", "203.0.113.7"],
      ["X-Envoy-Expected-Rq-Timeout-Ms", "15000"],
      ["X-Original-URL", "/"],
      ["X-Cluster-Client-IP", "203.0.113.7"],
      ["X-Amzn-Trace-Id", "Root=1"],
      ["Proxy-Authorization", "Basic YTpi"],
      ["Max-Forwards", "3"],
      ["Tailscale-User-Login", "admin@example"],
    ].map(([name = "", value = ""]): [string, Sent, string] => [`${name}: ${value}`, { headers: { [name]: value } }, header(name)]),
    ["nginx without settings", { version: "1.0" }, `${notHere}is HTTP/1.0, as those of proxies are`],
    ["HTTP/1.0 without a host", { version: "1.0", host: null }, `${notHere}has no Host`],
    ["two hosts", { host: "localhost|evil.example" }, `${notHere}has more than one Host`],
    // Addresses.
    ["another address of the loopback", { from: "127.0.0.2" }, ""],
  ])("%s", async (_what, sent, because) => {
    const answer = await send(sent);
    expect(answer.status).toBe(403);
    const { detail } = JSON.parse(answer.body) as { detail: string };
    const refused = 'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access the resource of type "GlobalSecret"';
    expect(detail).toBe(because === "" ? refused : `${refused}: ${because}`);
    expect(answer.head).not.toContain("access-control-allow-origin");
    expect(refusals.at(-1)).toMatchObject({
      status: 403,
      user: "mesh-system:anonymous",
      path: expect.stringMatching(/\/global-secrets$/),
      reason: detail,
    });
    const token = JSON.stringify({ name: "x", groups: ["mesh-system:admin"], validFor: "1h" });
    const target = (sent.target ?? "/global-secrets").replace("/global-secrets", "/tokens/user");
    const issued = await send({ ...sent, method: "POST", target, body: token });
    expect([issued.status, issued.body.includes("payload")]).toEqual([403, false]);
  });
});

describe("a credential that is shown is judged, also at this machine", () => {
  test.each<[string, string, number, string]>([
    ["a good one of an admin", "Bearer admin-token", 200, "jane"],
    ["a good one of somebody else", "Bearer user-token", 200, "john"],
    ["a scheme in other letters", "bearer user-token", 200, "john"],
    ["a bad one", "Bearer bad", 401, "Unauthenticated: not a good token"],
    ["none after the scheme", "Bearer ", 401, 'Unauthenticated: the header "Authorization" has to be "Bearer" and a user token'],
    ["an empty one", "", 401, 'Unauthenticated: the header "Authorization" has to be "Bearer" and a user token'],
    ["a password", "Basic YWRtaW46YWRtaW4=", 401, 'Unauthenticated: the header "Authorization" has to be "Bearer" and a user token'],
    ["a token without its scheme", "admin-token", 401, 'Unauthenticated: the header "Authorization" has to be "Bearer" and a user token'],
    ["two tokens", "Bearer a b", 401, 'Unauthenticated: the header "Authorization" has to be "Bearer" and a user token'],
  ])("%s", async (_what, authorization, status, says) => {
    const answer = await send({ target: "/who-am-i", headers: { Authorization: authorization } });
    const body = JSON.parse(answer.body) as { name?: string; detail?: string };
    expect([answer.status, body.name ?? body.detail]).toEqual([status, says]);
    if (status === 401) expect(refusals.at(-1)).toMatchObject({ status: 401, reason: says, from: "127.0.0.1" });
    expect(JSON.stringify(refusals)).not.toContain("Bearer bad");
  });
});

describe("a page writes nothing, whoever's browser shows it", () => {
  const mesh = JSON.stringify({ type: "Mesh", name: "page" });
  const put = { method: "PUT", target: "/meshes/page", body: mesh };
  const says = (page: string) => `a web page of ${page} asks, and apiServer.corsAllowedDomains does not name it`;
  test.each<[string, Sent, string]>([
    ["of another origin", { headers: { Origin: "https://evil.example" } }, "https://evil.example"],
    ["whose name was rebound", { host: "evil.example", headers: { Origin: "http://evil.example" } }, "http://evil.example"],
    ["in a browser on another machine", { from: "127.0.0.2", host: "cp.corp", headers: { Origin: "http://cp.corp" } }, "http://cp.corp"],
    ["by a form of another site", { headers: { "Sec-Fetch-Site": "cross-site" } }, "another site"],
  ])("%s", async (_what, sent, page) => {
    const answer = await send({ ...put, ...sent });
    expect([answer.status, (JSON.parse(answer.body) as { detail: string }).detail]).toEqual([403, says(page)]);
    expect((await send({ ...sent, method: "DELETE", target: "/meshes/page" })).status).toBe(403);
  });

  test("unless it shows a credential, which it was given", async () => {
    const headers = { Origin: "https://evil.example", Authorization: "Bearer user-token" };
    expect((await send({ ...put, headers })).status).toBe(201);
  });
});

describe("what a setting opens", () => {
  const plane = (settings: object) => createApi(planeOptions({ settings }).options);
  const secrets = async (settings: object, headers: Record<string, string>) =>
    plane(settings).inject({ method: "GET", url: "/global-secrets", remoteAddress: "127.0.0.1", headers });

  test("everything that connects from this machine is admin by its address alone, if so decided", async () => {
    const old = { localhostByAddressAlone: true };
    for (const headers of [{ host: "evil.example" }, { origin: "https://evil.example" }, { "x-forwarded-for": "203.0.113.7" }])
      expect((await secrets(old, headers as Record<string, string>)).statusCode).toBe(200);
    // But not with credentials that are bad.
    expect((await secrets(old, { authorization: "Bearer bad" })).statusCode).toBe(401);
    expect((await secrets({ ...old, localhostIsAdmin: false }, {})).statusCode).toBe(403);
  });

  test("pages of origins that are named read what anybody may; nobody else's", async () => {
    const read = async (corsAllowedDomains: string[] | undefined, origin: string) => {
      const url = { method: "GET", url: "/meshes", remoteAddress: "127.0.0.1", headers: { origin } } as const;
      const answer = await plane({ corsAllowedDomains }).inject(url);
      expect(answer.statusCode).toBe(200);
      return answer.headers["access-control-allow-origin"];
    };
    expect(await read(undefined, "https://gui.test")).toBeUndefined();
    expect(await read([], "https://gui.test")).toBeUndefined();
    expect(await read(["https://gui.test"], "https://GUI.test")).toBe("https://GUI.test");
    expect(await read(["https://gui.test"], "https://gui.test.evil.example")).toBeUndefined();
    expect(await read([".*"], "https://evil.example")).toBe("https://evil.example");
    // A named page is no admin.
    const named = { corsAllowedDomains: ["https://gui.test"] };
    expect((await secrets(named, { origin: "https://gui.test" })).statusCode).toBe(403);
  });

  test("where certificates make admins, a token makes nobody one", async () => {
    const settings = { authentication: "adminClientCerts" };
    expect((await secrets(settings, {})).statusCode).toBe(200);
    const answer = await secrets(settings, { authorization: "Bearer admin-token" });
    expect([answer.statusCode, answer.json<{ detail: string }>().detail]).toEqual([
      403,
      expect.stringContaining("has credentials, which count for nothing here"),
    ]);
  });
});

test("a head that is too large is refused in the form of all other errors", async () => {
  const answer = await send({ headers: { Authorization: `Bearer ${"x".repeat(100_000)}` } });
  const detail = "the head of the request is larger than 16384 bytes";
  const title = "Request Header Fields Too Large";
  expect([answer.status, JSON.parse(answer.body)]).toEqual([431, { type: "/std-errors", status: 431, title, detail, details: detail }]);
  expect((await send({ version: "9.9" })).body).toContain('"title": "Bad Request"');
});
