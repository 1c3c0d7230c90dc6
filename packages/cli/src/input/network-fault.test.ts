import { createServer, type Server } from "node:net";
import { get } from "node:https";
import { createServer as createHttpsServer } from "node:https";
import { get as getPlain } from "node:http";
import type { AddressInfo } from "node:net";
import { freePort, selfSignedPair } from "@atoll/testkit";
import { afterEach, expect, test } from "vitest";
import { networkFault } from "./network-fault.ts";

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    open.push(server);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

const faultOf = (url: string, options: object = {}): Promise<string> =>
  new Promise((resolve) => {
    const request = url.startsWith("https:") ? get(url, options) : getPlain(url, options);
    request.on("error", (error) => resolve(networkFault(error)));
    request.on("response", () => resolve("answered"));
  });

const pair = selfSignedPair();

test("nothing listens, by every way of asking", async () => {
  const port = await freePort();
  const said = `connection refused: nothing listens there (ECONNREFUSED 127.0.0.1:${port})`;
  expect(await faultOf(`http://127.0.0.1:${port}`)).toBe(said);
  expect(await fetch(`http://127.0.0.1:${port}`).catch(networkFault)).toBe(said);
  expect(await faultOf(`http://localhost:${port}`)).toMatch(
    /^connection refused: nothing listens there \(ECONNREFUSED .*localhost|^connection refused/,
  );
});

test("another protocol than the address says", async () => {
  const plain = await listening(createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  expect(await faultOf(`https://127.0.0.1:${plain}`)).toMatch(/^it does not speak TLS: is the port right/);
  const other = await listening(createServer((socket) => socket.end("\0\0\x12\x04\0\0\0\0\0")));
  expect(await faultOf(`http://127.0.0.1:${other}`)).toMatch(/^what it answers is no HTTP: is the port right/);
  const tls = await listening(createHttpsServer({ key: pair.privateKeyPem, cert: pair.certificatePem }));
  expect(await faultOf(`http://127.0.0.1:${tls}`)).toMatch(/^the other side closed the connection|^what it answers is no HTTP/);
});

test("a certificate that is not the one it is verified with", async () => {
  const port = await listening(
    createHttpsServer({ key: pair.privateKeyPem, cert: pair.certificatePem }, (_request, response) => response.end()),
  );
  const stranger = selfSignedPair();
  expect(await faultOf(`https://localhost:${port}`, { ca: stranger.certificatePem, agent: false })).toMatch(
    /^its certificate is signed by itself/,
  );
  expect(await faultOf(`https://127.0.0.9:${port}`, { ca: pair.certificatePem, agent: false })).toMatch(/^connection refused/);
  expect(await faultOf(`https://localhost:${port}`, { ca: pair.certificatePem, servername: "elsewhere.test", agent: false })).toMatch(
    /^its certificate is for other names/,
  );
});
