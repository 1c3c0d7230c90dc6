import { expect, test } from "vitest";
import { request } from "node:http";
import { get } from "node:https";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { startDebugServer } from "./debug-server.ts";
import { Registry } from "./metrics.ts";
import { readerGate } from "./reader-gate.ts";

test("a view that is added after the start is served, and an unknown one is not found", async () => {
  const views: Record<string, () => unknown> = {};
  const server = await startDebugServer({
    address: "127.0.0.1",
    port: 0,
    registry: new Registry(),
    gate: readerGate({}, "diagnostics"),
    notReady: () => "still opening",
    views,
  });
  try {
    const url = `http://127.0.0.1:${server.port}`;
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/debug/replica`)).status).toBe(404);
    views["replica"] = () => ({ revision: 7 });
    expect(await (await fetch(`${url}/debug/replica`)).json()).toEqual({ revision: 7 });
    expect(await (await fetch(`${url}/debug`)).json()).toEqual(["/debug/replica"]);
    expect((await fetch(`${url}/debug/toString`)).status).toBe(404);
  } finally {
    await server.close();
  }
});

interface Asked {
  /** 127.0.0.2 = somebody who is not at the machine. */
  from?: string;
  headers?: Record<string, string>;
  openMetrics?: boolean;
  /** Of the settings. */
  token?: string;
}

/** Status of health, metrics and debug views, and the reason if one was refused. */
async function reading({ from, headers = {}, openMetrics, token }: Asked): Promise<{ status: number[]; reason: string | undefined }> {
  const refused: { reason: string; from: string | undefined }[] = [];
  const server = await startDebugServer({
    address: "127.0.0.1",
    port: 0,
    registry: new Registry(),
    gate: readerGate(token === undefined ? {} : { token }, "diagnostics"),
    openMetrics,
    onRefused: (refusal) => refused.push(refusal),
    notReady: () => null,
    views: { replica: () => ({ revision: 7 }) },
  });
  const status = (path: string) =>
    new Promise<number>((resolve, reject) => {
      const options = { host: "127.0.0.1", port: server.port, path, headers, ...(from !== undefined && { localAddress: from }) };
      request(options, (answer) => answer.resume().on("end", () => resolve(answer.statusCode ?? 0)))
        .on("error", reject)
        .end();
    });
  try {
    const answers: number[] = [];
    for (const path of ["/healthz", "/metrics", "/debug/replica", "/debug"]) answers.push(await status(path));
    return { status: answers, reason: refused[0]?.reason };
  } finally {
    await server.close();
  }
}

const stranger = { from: "127.0.0.2" };
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const forReaders = "metrics: for somebody at this machine, and whoever shows the token of diagnostics.tokenFile";

test.each<[string, Asked, number[], string?]>([
  ["somebody at the machine reads all", {}, [200, 200, 200, 200]],
  ["a stranger sees that it runs", stranger, [200, 403, 403, 403], forReaders],
  ["and metrics, if so decided", { ...stranger, openMetrics: true }, [200, 200, 403, 403], forReaders.replace("metrics", "debug views")],
  ["and all, with the token", { ...stranger, ...bearer("s3cret"), token: "s3cret" }, [200, 200, 200, 200]],
  [
    "with another token nothing",
    { ...stranger, ...bearer("other"), token: "s3cret", openMetrics: true },
    [200, 401, 401, 401],
    'the header "Authorization" does not show the token of diagnostics',
  ],
  [
    "also at the machine",
    bearer("other"),
    [200, 401, 401, 401],
    'the header "Authorization" shows a token, and diagnostics.tokenFile is not set',
  ],
  [
    "a web page that a browser at the machine shows sees that it runs",
    { headers: { origin: "https://evil.example" } },
    [200, 403, 403, 403],
    `${forReaders}; the request comes from this machine, but was made by a browser for https://evil.example`,
  ],
  [
    "and so does one whose name was rebound",
    { headers: { host: "evil.example" } },
    [200, 403, 403, 403],
    `${forReaders}; the request comes from this machine, but asks for the host "evil.example", not for localhost, 127.0.0.1 or [::1]`,
  ],
  [
    "and who comes through a proxy",
    { headers: { "x-forwarded-for": "203.0.113.7" } },
    [200, 403, 403, 403],
    `${forReaders}; the request comes from this machine, but has the header "x-forwarded-for", as requests that come through a proxy do`,
  ],
])("%s", async (_what, asked, status, reason) => {
  expect(await reading(asked)).toEqual({ status, reason });
});

test("the token's file is read again each time, and an empty one lets nobody in", async () => {
  using folder = scratchFolder();
  const tokenFile = join(folder.path, "token");
  writeFileSync(tokenFile, "one\n");
  const gate = readerGate({ tokenFile }, "diagnostics");
  const shown = (token: string) =>
    gate(
      { remoteAddress: "10.0.0.1", encrypted: false, httpVersion: "1.1", target: "/", headers: new Map([["authorization", [token]]]) },
      { name: "metrics", open: false },
    )?.status;
  expect([shown("Bearer one"), shown("Bearer two"), shown("one"), shown("Bearer ")]).toEqual([undefined, 401, 401, 401]);
  writeFileSync(tokenFile, "two\n");
  expect([shown("Bearer one"), shown("Bearer two")]).toEqual([401, undefined]);
  writeFileSync(tokenFile, "\n");
  expect([shown("Bearer two"), shown("Bearer "), shown("")]).toEqual([401, 401, 401]);
});

test("with a certificate it speaks TLS", async () => {
  const { certificatePem, privateKeyPem } = selfSignedPair(["localhost"]);
  const tls = { cert: certificatePem, key: privateKeyPem, minVersion: "TLSv1.3" } as const;
  const gate = readerGate({}, "diagnostics");
  const server = await startDebugServer({ address: "127.0.0.1", port: 0, registry: new Registry(), gate, notReady: () => null, tls });
  try {
    const options = { host: "127.0.0.1", port: server.port, path: "/metrics", ca: certificatePem, servername: "localhost" };
    const status = await new Promise((resolve, reject) => {
      get(options, (answer) => answer.resume().on("end", () => resolve(answer.statusCode))).on("error", reject);
    });
    expect(status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${server.port}/metrics`)).rejects.toThrow();
  } finally {
    await server.close();
  }
});
