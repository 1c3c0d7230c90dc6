import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import {
  envoyBinary,
  eventually,
  freePort,
  selfSignedPair,
  startHttpServer,
  startProcess,
  startTcpServer,
  validateEnvoyConfig,
} from "./index.ts";

describe("eventually", () => {
  test("returns the first truthy result, errors before it count as not yet", async () => {
    let tries = 0;
    const result = await eventually(() => {
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      return `try ${tries}`;
    });
    expect(result).toBe("try 3");
  });

  test("fails after its limit with the last reason", async () => {
    await expect(eventually(() => Promise.reject(new Error("port closed")), { limitMs: 30 })).rejects.toThrow(/30 ms: port closed/);
    await expect(eventually(() => 0, { limitMs: 10 })).rejects.toThrow(/it returned 0/);
  });
});

describe("startProcess", () => {
  test("keeps the output and the exit code", async () => {
    await using child = await startProcess("sh", ["-c", "echo out; echo err >&2; exit 3"]);
    expect(await child.exited).toBe(3);
    expect(child.output()).toContain("out\n");
    expect(child.output()).toContain("err\n");
  });

  test("waits for its line, and stops a process that ignores SIGTERM", async () => {
    const child = await startProcess("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], { readyWhen: /ready/ });
    expect(await child.stop(20)).toBe("SIGKILL");
    expect(() => process.kill(child.pid, 0)).toThrow(/ESRCH/);
  });

  test("says what a process printed that ended before it was ready", async () => {
    await expect(startProcess("sh", ["-c", "echo no such file; exit 1"], { readyWhen: /ready/ })).rejects.toThrow(
      /ended with 1[^]*no such file/,
    );
    await expect(startProcess("/nonexistent/program", [])).rejects.toThrow(/cannot start/);
  });

  test("what it started dies with the process that started it", async () => {
    const script = `
      import { startProcess } from ${JSON.stringify(new URL("./process.ts", import.meta.url).href)};
      const child = await startProcess("sleep", ["600"]);
      console.log("child " + child.pid);
      process.kill(process.pid, "SIGKILL");`;
    await using parent = await startProcess(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "-e",
      script,
    ]);
    expect(await parent.exited).toBe("SIGKILL");
    const pid = Number(/child (\d+)/.exec(parent.output())?.[1]);
    expect(pid).toBeGreaterThan(1);
    await eventually(() => isGone(pid));
  });
});

/** A killed process whose new parent has not collected it yet is gone too. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

describe("sample servers", () => {
  test("an HTTP server tells what it saw and goes away", async () => {
    const server = await startHttpServer("echo");
    const answer = await fetch(`${server.url}/a?b=1`, { headers: { "x-a": "1" } });
    expect(await answer.json()).toMatchObject({ service: "echo", method: "GET", path: "/a?b=1", headers: { "x-a": "1" } });
    expect((await fetch(`${server.url}/status/418`)).status).toBe(418);
    expect(server.requests).toHaveLength(2);
    await server.stop();
    await expect(fetch(server.url)).rejects.toThrow(/fetch failed/);
  });

  test("an HTTPS server is believed by who trusts its certificate", async () => {
    const pair = selfSignedPair(["shop.test", "127.0.0.1"]);
    await using server = await startHttpServer("tls", { tls: pair });
    const status = await new Promise((resolve, reject) => {
      get(server.url, { ca: pair.certificatePem }, (response) => resolve(response.resume().statusCode)).once("error", reject);
    });
    expect(status).toBe(200);
  });

  test("a TCP server greets and echoes", async () => {
    await using server = await startTcpServer("tcp");
    let seen = "";
    const socket = connect(server.port, "127.0.0.1").setEncoding("utf8");
    socket.on("data", (chunk) => (seen += chunk));
    socket.write("hello");
    await eventually(() => seen === "tcp\nhello");
    socket.destroy();
  });
});

test("freePort gives ports that can be used, each once", async () => {
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  expect(new Set(ports).size).toBe(3);
  await using server = await startHttpServer("x", { port: ports[0] });
  expect(server.port).toBe(ports[0]);
});

test("selfSignedPair makes a certificate for its key and names", () => {
  const pair = selfSignedPair(["a.test", "b.test", "10.0.0.1"]);
  const certificate = new X509Certificate(pair.certificatePem);
  expect(certificate.checkPrivateKey(createPrivateKey(pair.privateKeyPem))).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkHost("b.test")).toBe("b.test");
  expect(certificate.checkIP("10.0.0.1")).toBe("10.0.0.1");
});

describe("Envoy", () => {
  test("the binary is the program, not a script that starts it", () => {
    expect(readFileSync(envoyBinary()).subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  });

  test("accepts a good bootstrap and names what is wrong with a bad one", async () => {
    await validateEnvoyConfig({ staticResources: { clusters: [{ name: "a", connectTimeout: "1s" }] } });
    await expect(validateEnvoyConfig({ staticResources: { clusters: [{ connectTimeout: "1s" }] } })).rejects.toThrow(/Name/);
  });
});
