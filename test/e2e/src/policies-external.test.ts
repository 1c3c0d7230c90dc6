import { once } from "node:events";
import { connect } from "node:net";
import { eventually } from "@atoll/testkit/eventually";
import { type SampleHttpServer, type SampleTcpServer, startHttpServer, startTcpServer } from "@atoll/testkit/sample-server";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { connection, gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";

// Servers outside of the mesh, dialled by a sidecar and a gateway themselves, and then through the zone's egress.
let bed: MeshBed;
let outside: Backend;
let secure: SampleHttpServer;
let bytes: SampleTcpServer;
const http = 0;
const https = 1;
const tcp = 2;
const edge = 3;
const pair = selfSignedPair(["secure.test"]);

beforeAll(async () => {
  bed = await MeshBed.start(15_250, { zones: ["east"] });
  const [securePort, bytesPort] = [bed.freshPort(), bed.freshPort()];
  secure = await startHttpServer("secure", { port: securePort, tls: pair });
  bytes = await startTcpServer("bytes", { port: bytesPort });
  const server = await bed.backend("outside");
  outside = server.app;
  const documents = [
    mesh("default"),
    ...openMesh(),
    external("outside", server.port, "http"),
    external("secure", securePort, "http", {
      tls: { enabled: true, serverName: "secure.test", caCert: { inlineString: pair.certificatePem } },
    }),
    external("bytes", bytesPort, "tcp"),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "outside"), prefixRule("/secure", "secure")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  await Promise.all([
    bed.service("client", "client-1", { outbound: { [http]: "outside", [https]: "secure", [tcp]: "bytes" } }),
    bed.gateway("edge", "edge-1"),
    bed.zoneProxy("ZoneEgress", "egress-1", "east"),
  ]);
  await bed.answers(http, 200);
}, 120_000);

afterAll(async () => {
  const nacks = await bed?.close();
  await secure?.stop();
  await bytes?.stop();
  expect(nacks).toEqual([]);
}, 60_000);

const external = (name: string, port: number, protocol: string, networking: object = {}) => ({
  type: "ExternalService",
  mesh: "default",
  name,
  tags: { "kuma.io/service": name, "kuma.io/protocol": protocol },
  networking: { address: `127.0.0.1:${port}`, ...networking },
});

async function greeting(number: number): Promise<string> {
  const socket = connect(bed.port(number), "127.0.0.1");
  try {
    socket.write("hello");
    let got = "";
    for await (const chunk of socket.setEncoding("utf8")) if ((got += chunk as string).length >= 11) return got;
    throw new Error(`closed after "${got}"`);
  } finally {
    socket.destroy();
    await once(socket, "close").catch(() => undefined);
  }
}

describe.each([
  { way: "dialled by the proxy itself", zoneEgress: false },
  { way: "through the egress", zoneEgress: true },
])("external services, $way", ({ zoneEgress }) => {
  beforeAll(async () => {
    await bed.apply(mesh("default", { routing: { zoneEgress } }));
  });

  test("HTTP, from a sidecar and from a gateway", async () => {
    for (const number of [http, edge]) expect((await bed.answers(number, 200, "/a", "outside")).json().path).toBe("/a");
  });

  test("HTTPS: the proxy makes the TLS connection and checks the server", async () => {
    for (const [number, path] of [
      [https, "/a"],
      [edge, "/secure"],
    ] as const) {
      expect((await bed.answers(number, 200, path, "secure")).json().path).toBe(path);
    }
  });

  test("TCP", async () => {
    expect(await eventually(() => greeting(tcp), { limitMs: 10_000 })).toBe("bytes\nhello");
  });

  test("TrafficPermission: who has none gets nothing", async () => {
    const only = connection("TrafficPermission", "only-edge", { from: "edge", to: "outside" });
    await bed.during(only, async () => {
      await bed.answers(edge, 200);
      await eventually(async () => (await bed.get(http)).status !== 200, { limitMs: 10_000 });
      const before = outside.requests.length;
      expect((await bed.get(http)).status).toBeGreaterThanOrEqual(403);
      expect(outside.requests.length).toBe(before);
    });
    await bed.answers(http, 200);
  });

  test("without any TrafficPermission nobody is let out, with a TrafficRoute and without one", async () => {
    const [permission, route] = openMesh();
    await bed.remove(permission!);
    const shut = async (): Promise<void> => {
      for (const number of [http, edge]) await bed.answers(number, zoneEgress ? 403 : 503);
      const before = outside.requests.length;
      for (const number of [http, edge]) expect((await bed.get(number)).status).toBe(zoneEgress ? 403 : 503);
      expect(outside.requests.length).toBe(before);
    };
    await shut();
    await bed.remove(route!);
    await shut();
    await bed.apply(permission!);
    for (const number of [http, edge]) await bed.answers(number, 200);
    await bed.apply(route!);
  });

  test.each([
    ["a sidecar", "client", http],
    ["a gateway", "edge", edge],
  ] as const)("RateLimit for %s", async (_, from, number) => {
    const limit = connection("RateLimit", "few", { from, to: "outside", conf: { http: { requests: 2, interval: "60s" } } });
    const other = number === http ? edge : http;
    expect(await bed.shares(number, 8)).toEqual({ outside: 8 });
    await bed.during(limit, async () => {
      await bed.answers(number, 429);
      expect(await bed.shares(other, 8)).toEqual({ outside: 8 });
    });
    await eventually(async () => expect(await bed.shares(number, 8)).toEqual({ outside: 8 }) ?? true, { limitMs: 10_000 });
  });

  test("Timeout", async () => {
    outside.respond = ({ path }) => (path === "/slow" ? { delayMs: 500 } : undefined);
    for (const [from, number] of [
      ["client", http],
      ["edge", edge],
    ] as const) {
      await bed.answers(number, 200, "/slow");
      await bed.during(connection("Timeout", "short", { from, to: "outside", conf: { http: { requestTimeout: "100ms" } } }), () =>
        bed.answers(number, 504, "/slow"),
      );
      await bed.answers(number, 200, "/slow");
    }
  });
});

test("FaultInjection on an external service acts at the egress", async () => {
  const to = { "kuma.io/service": "outside", "kuma.io/protocol": "http" };
  await bed.answers(http, 200);
  await bed.during(
    connection("FaultInjection", "abort", { from: "client", to, conf: { abort: { percentage: 100, httpStatus: 418 } } }),
    async () => {
      await bed.answers(http, 418);
      await bed.answers(edge, 200);
    },
  );
  await bed.answers(http, 200);
});
