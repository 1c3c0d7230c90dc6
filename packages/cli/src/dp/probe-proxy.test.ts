import { createServer as createHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcp, type AddressInfo, type Server } from "node:net";
import { freePort } from "@atoll/testkit";
import { afterEach, expect, test } from "vitest";
import { startProbeProxy } from "./probe-proxy.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

async function probes() {
  const port = await freePort();
  const proxy = await startProbeProxy({ address: "127.0.0.1", port });
  closing.push(() => proxy.close());
  return async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    return `${response.status} ${(await response.text()).trim()}`;
  };
}

test("HTTP: the path, the headers and the status are the application's", async () => {
  const seen: IncomingMessage[] = [];
  const callers: (string | undefined)[] = [];
  const respond = (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request);
    callers.push(request.socket.remoteAddress);
    response.writeHead(request.url === "/moved" ? 301 : request.url === "/broken" ? 500 : 200).end("x".repeat(100_000));
  };
  const application = await listening(createHttp(respond));
  const probe = await probes();
  expect(await probe(`/${application}/live?deep=1`, { "x-kuma-probes-host": "a.example", "x-own": "y" })).toBe("200 HEALTHY");
  expect([seen[0]?.url, seen[0]?.headers.host, seen[0]?.headers["x-own"]]).toEqual(["/live?deep=1", "a.example", "y"]);
  expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => name.startsWith("x-kuma"))).toEqual([]);
  expect(callers).toEqual(["127.0.0.6"]);
  expect(await probe(`/${application}`)).toBe("200 HEALTHY");
  expect(await probe(`/${application}/moved`)).toBe("200 HEALTHY");
  expect(await probe(`/${application}/broken`)).toBe("500 UNHEALTHY");
});

test("HTTP: an application that does not answer in time, or not at all, is not healthy", async () => {
  const slow = await listening(createHttp(() => undefined));
  const probe = await probes();
  expect(await probe(`/${slow}/`)).toBe("503 UNHEALTHY");
  expect(await probe(`/${await freePort()}/`)).toBe("503 UNHEALTHY");
});

test("TCP: a connection is enough", async () => {
  const probe = await probes();
  expect(await probe(`/tcp/${await listening(createTcp())}`)).toBe("200 HEALTHY");
  expect(await probe(`/tcp/${await freePort()}`)).toBe("503 UNHEALTHY");
});

test("gRPC: what serves, by its service", async () => {
  const server = createHttp2();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const asked = Buffer.concat(chunks).subarray(7).toString();
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      const status = headers[":path"] === "/grpc.health.v1.Health/Check" && asked !== "down" ? 1 : 2;
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
  });
  const application = await listening(server);
  const probe = await probes();
  expect(await probe(`/grpc/${application}`)).toBe("200 HEALTHY");
  expect(await probe(`/grpc/${application}`, { "x-kuma-probes-grpc-service": "down" })).toBe("503 UNHEALTHY");
  expect(await probe(`/grpc/${await listening(createTcp((socket) => socket.destroy()))}`)).toBe("503 UNHEALTHY");
});

test("what names no port is not known", async () => {
  const probe = await probes();
  for (const path of ["/", "/live", "/tcp/x", "/70000/"]) expect(await probe(path)).toBe("503 UNKNOWN");
});
