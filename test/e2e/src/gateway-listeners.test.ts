import { once } from "node:events";
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from "node:http2";
import { request } from "node:https";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { eventually } from "@atoll/testkit/eventually";
import { type SampleHttpServer, type SampleTcpServer, startHttpServer, startTcpServer } from "@atoll/testkit/sample-server";
import { type PemPair, selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";

// Every kind of listener of a builtin gateway, and what its routes do with requests and connections.
let bed: MeshBed;
let web: Backend;
let shadow: Backend;
let greeter: SampleTcpServer;
let secure: SampleHttpServer;
let streams: Http2Server;
const plain = 0;
const https = 1;
const tcp = 2;
const passthrough = 3;
const terminate = 4;
const limited = 5;
const unrouted = 6;
const pairs = {
  a: selfSignedPair(["a.test"]),
  b: selfSignedPair(["b.test"]),
  app: selfSignedPair(["app.test"]),
  tcp: selfSignedPair(["tcp.test"]),
};
const bundle = ({ certificatePem, privateKeyPem }: PemPair) => privateKeyPem + certificatePem;

beforeAll(async () => {
  bed = await MeshBed.start(14_500, { zones: ["east"] });
  const [greeterPort, securePort, streamPort] = [bed.freshPort(), bed.freshPort(), bed.freshPort()];
  greeter = await startTcpServer("greeter", { port: greeterPort });
  secure = await startHttpServer("secure", { port: securePort, tls: pairs.app });
  streams = await streamServer(streamPort);
  const terminated = (pair: PemPair) => ({ mode: "TERMINATE", certificates: [{ inlineString: bundle(pair) }] });
  const documents = [
    mesh("default"),
    ...openMesh(),
    { type: "Secret", mesh: "default", name: "b-test", data: Buffer.from(bundle(pairs.b)).toString("base64") },
    bed.meshGateway("edge", {
      [plain]: [{ hostname: "exact.hosts.test" }, { hostname: "*.hosts.test", tags: { kind: "wild" } }, { tags: { kind: "any" } }],
      [https]: [
        { protocol: "HTTPS", hostname: "a.test", tls: terminated(pairs.a) },
        { protocol: "HTTPS", hostname: "b.test", tls: { mode: "TERMINATE", certificates: [{ secret: "b-test" }] } },
      ],
      [tcp]: { protocol: "TCP", tags: { kind: "greet" } },
      [passthrough]: { protocol: "TLS", hostname: "app.test", tls: { mode: "PASSTHROUGH" }, tags: { kind: "pass" } },
      [terminate]: { protocol: "TLS", hostname: "tcp.test", tls: terminated(pairs.tcp), tags: { kind: "greet" } },
      [limited]: { resources: { connectionLimit: 2 } },
      [unrouted]: { protocol: "TCP", tags: { kind: "bare" } },
    }),
    gatewayRoute("http", "edge", [
      prefixRule("/", "web"),
      prefixRule("/grpc", "streams"),
      prefixRule("/mirrored", "web", {
        filters: [{ mirror: { percentage: 100, backend: { destination: { "kuma.io/service": "shadow" } } } }],
      }),
      {
        matches: [{ path: { match: "PREFIX", value: "/moved" } }],
        filters: [
          { redirect: { scheme: "https", hostname: "new.test", port: 8443, statusCode: 307, path: { replacePrefixMatch: "/to" } } },
        ],
      },
      prefixRule("/headers", "web", {
        filters: [
          { requestHeader: { set: [{ name: "x-set", value: "1" }], add: [{ name: "x-add", value: "2" }], remove: ["x-remove"] } },
          { responseHeader: { set: [{ name: "x-response", value: "3" }] } },
        ],
      }),
      prefixRule("/zero", { web: 1, shadow: 0 }),
    ]),
    gatewayRoute("wild", { "kuma.io/service": "edge", kind: "wild" }, [prefixRule("/who", "shadow")]),
    tcpRoute("greeter", "greet"),
    tcpRoute("secure", "pass"),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [one, two] = await Promise.all([
    bed.service("web", "web-1"),
    bed.service("shadow", "shadow-1"),
    bed.sidecar("greeter", "greeter-1", greeterPort, { protocol: "tcp" }),
    bed.sidecar("secure", "secure-1", securePort, { protocol: "tcp" }),
    bed.sidecar("streams", "streams-1", streamPort, { protocol: "grpc" }),
    bed.gateway("edge", "edge-1"),
  ]);
  web = one.app;
  shadow = two.app;
  await bed.answers(plain, 200);
}, 120_000);

afterAll(async () => {
  const nacks = await bed?.close();
  await greeter?.stop();
  await secure?.stop();
  streams?.close();
  expect(nacks).toEqual([]);
}, 60_000);

const tcpRoute = (service: string, kind: string) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: service,
  selectors: [{ match: { "kuma.io/service": "edge", kind } }],
  conf: { tcp: { rules: [{ backends: [{ weight: 1, destination: { "kuma.io/service": service } }] }] } },
});

/** Answers each HTTP/2 request as gRPC does: with its body, and a status in the trailers. */
async function streamServer(port: number): Promise<Http2Server> {
  const server = createHttp2Server();
  server.on("stream", (stream, headers) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc", "x-path": headers[":path"] }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.pipe(stream);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** What comes back on a connection for some bytes, until it is as long as wanted. */
async function exchange(socket: Socket, sent: string, length: number): Promise<string> {
  let got = "";
  socket.setEncoding("utf8");
  socket.write(sent);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("data", (chunk: string) => {
        got += chunk;
        if (got.length >= length) resolve();
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error(`closed after "${got}"`)));
    });
    return got;
  } finally {
    socket.destroy();
  }
}

const overTls = (number: number, servername: string, pair: PemPair): TLSSocket =>
  connectTls({ host: "127.0.0.1", port: bed.port(number), servername, ca: pair.certificatePem });

function getTls(
  number: number,
  servername: string,
  pair: PemPair,
  path = "/",
): Promise<{ status: number; text: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: bed.port(number),
      servername,
      ca: pair.certificatePem,
      path,
      agent: false,
      headers: { host: servername },
    };
    request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8"), headers: response.headers }),
      );
    })
      .on("error", reject)
      .end();
  });
}

test("one port serves several hostnames, the most specific first", async () => {
  const served = async (host: string) => (await bed.answers(plain, 200, "/who", undefined, { host })).json().service;
  expect(await served("exact.hosts.test")).toBe("web-1");
  expect(await served("other.hosts.test")).toBe("shadow-1");
  expect(await served("else.test")).toBe("web-1");
});

test("HTTPS terminates TLS with the certificate of the name that the client asks for, inline or from a secret", async () => {
  for (const [name, pair] of [
    ["a.test", pairs.a],
    ["b.test", pairs.b],
  ] as const) {
    const answer = await eventually(() => getTls(https, name, pair), { limitMs: 10_000 });
    expect(answer.status).toBe(200);
    expect(answer.headers["strict-transport-security"]).toBe("max-age=31536000; includeSubDomains");
    expect(JSON.parse(answer.text)).toMatchObject({ service: "web-1", headers: { host: name, "x-forwarded-proto": "https" } });
  }
  await expect(getTls(https, "c.test", pairs.a)).rejects.toThrow(/socket|disconnected|reset/i);
});

test("a TCP listener carries bytes both ways", async () => {
  const text = await eventually(() => exchange(connect(bed.port(tcp), "127.0.0.1"), "hello, there", 20), { limitMs: 10_000 });
  expect(text).toBe("greeter\nhello, there");
});

test("a TLS listener that terminates hands the plain bytes on", async () => {
  const text = await eventually(() => exchange(overTls(terminate, "tcp.test", pairs.tcp), "hello, there", 20), { limitMs: 10_000 });
  expect(text).toBe("greeter\nhello, there");
});

test("a TLS listener that passes through leaves the handshake to the application", async () => {
  const answer = await eventually(() => getTls(passthrough, "app.test", pairs.app, "/through"), { limitMs: 10_000 });
  expect(JSON.parse(answer.text)).toMatchObject({ service: "secure", path: "/through" });
  await expect(getTls(passthrough, "stranger.test", pairs.app)).rejects.toThrow(/socket|disconnected|reset/i);
});

test("connections above the limit of a listener are closed; when one ends, the next is taken", async () => {
  const open = async (): Promise<Socket | undefined> => {
    const socket = connect(bed.port(limited), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nhost: any\r\n\r\n");
    const answered = await Promise.race([once(socket, "data").then(() => true), once(socket, "close").then(() => false)]).catch(
      () => false,
    );
    return answered ? socket : undefined;
  };
  const held: Socket[] = [];
  for (let round = 0; round < 2; round++) held.push((await eventually(open, { limitMs: 10_000 }))!);
  expect(await open()).toBeUndefined();
  held.pop()!.destroy();
  held.push(await eventually(open, { limitMs: 10_000 }));
  for (const socket of held) socket.destroy();
});

test("a websocket goes through gateway and sidecar", async () => {
  const socket = connect(bed.port(plain), "127.0.0.1");
  socket.setEncoding("utf8");
  let got = "";
  socket.on("data", (chunk: string) => (got += chunk));
  socket.on("error", () => undefined);
  socket.write(
    "GET /socket HTTP/1.1\r\nhost: any\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  await eventually(() => /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/.test(got), { limitMs: 10_000 });
  socket.write("ping-frame");
  await eventually(() => got.endsWith("ping-frame"), { limitMs: 10_000 });
  socket.destroy();
});

test("HTTP/2 from the client to the application, with trailers, as gRPC needs it", async () => {
  const answer = await eventually(
    async () => {
      const session = connectHttp2(`http://127.0.0.1:${bed.port(plain)}`);
      try {
        const stream = session.request({ ":method": "POST", ":path": "/grpc/echo", "content-type": "application/grpc", te: "trailers" });
        const seen = { status: 0, path: "", body: "", grpcStatus: "" };
        stream.on("response", (headers) => Object.assign(seen, { status: headers[":status"], path: headers["x-path"] }));
        stream.on("trailers", (trailers) => (seen.grpcStatus = trailers["grpc-status"] as string));
        stream.setEncoding("utf8").on("data", (chunk: string) => (seen.body += chunk));
        stream.write("first ");
        stream.end("second");
        await once(stream, "close");
        return seen.status === 200 ? seen : undefined;
      } finally {
        session.destroy();
      }
    },
    { limitMs: 10_000 },
  );
  expect(answer).toEqual({ status: 200, path: "/grpc/echo", body: "first second", grpcStatus: "0" });
});

test("a mirror gets a copy of each request, and its answer is not the client's", async () => {
  const answer = await bed.answers(plain, 200, "/mirrored/1");
  expect(answer.json().service).toBe("web-1");
  await eventually(() => shadow.seen("/mirrored/1") > 0, { limitMs: 10_000 });
  expect(web.seen("/mirrored/1")).toBe(1);
});

test("a redirect says where to go, with the path's rest", async () => {
  const answer = await bed.answers(plain, 307, "/moved/here");
  expect(answer.headers["location"]).toBe("https://new.test:8443/to/here");
});

test("header filters set, add and remove", async () => {
  const answer = await bed.answers(plain, 200, "/headers", undefined, { "x-set": "0", "x-add": "0", "x-remove": "0" });
  const { headers } = answer.json<{ headers: Record<string, string> }>();
  expect(headers).toMatchObject({ "x-set": "1" });
  expect(headers["x-add"]?.replaceAll(" ", "")).toBe("0,2");
  expect(headers).not.toHaveProperty("x-remove");
  expect(answer.headers["x-response"]).toBe("3");
});

test("a backend of weight 0 gets nothing", async () => {
  expect(await bed.shares(plain, 30, "/zero")).toEqual({ "web-1": 30 });
});

test("strangers cannot pass for a proxy of the mesh or for another address", async () => {
  const answer = await bed.answers(plain, 200, "/hygiene", undefined, {
    "x-kuma-tags": "&kuma.io/service=admin&",
    "x-forwarded-for": "10.9.9.9",
    "x-forwarded-client-cert": "URI=spiffe://default/admin",
  });
  const { headers } = answer.json<{ headers: Record<string, string> }>();
  expect(headers).not.toHaveProperty("x-kuma-tags");
  expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://default/edge");
  expect(headers["x-forwarded-client-cert"]).not.toContain("admin");
});

test("a port passes to another MeshGateway, and back, under names that differ", async () => {
  const narrower = {
    ...bed.meshGateway("edge", { [plain]: [{ tags: { kind: "narrow" } }] }),
    name: "edge-narrow",
    selectors: [{ match: { "kuma.io/service": "edge", "kuma.io/zone": "east" } }],
  };
  const moved = gatewayRoute("moved", { "kuma.io/service": "edge", kind: "narrow" }, [prefixRule("/moved-here", "shadow")]);
  await bed.during([moved, narrower], async () => {
    expect((await bed.answers(plain, 200, "/moved-here", "shadow-1")).status).toBe(200);
  });
  await bed.answers(plain, 200, "/", "web-1");
});

test("a TCP listener without routes takes connections and closes them", async () => {
  const socket = connect(bed.port(unrouted), "127.0.0.1");
  await once(socket, "connect");
  await expect(exchange(socket, "hello", 1)).rejects.toThrow(/closed after ""|ECONNRESET/);
});
