import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { createAdminTls, type AdminTls, type PemPair } from "./index.ts";

const seed = Buffer.alloc(32, 7);
const made = (zone = "east", from: Uint8Array = seed) =>
  createAdminTls({ seed: from, zone, clientName: "envoy-admin-client", nowMs: Date.now() });

/** Whether an Envoy that trusts `envoy` lets in who shows this certificate, and is itself trusted. */
async function meet(envoy: AdminTls, client: Pick<AdminTls, "caPem" | "envoyName">, shown: PemPair): Promise<string> {
  const { certPem, keyPem } = envoy.envoy;
  const server = createServer({ cert: certPem, key: keyPem, ca: envoy.caPem, requestCert: true, rejectUnauthorized: false });
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => undefined);
    socket.end(socket.authorized ? "in" : `refused: ${String(socket.authorizationError)}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const socket = connect({
      port,
      host: "127.0.0.1",
      ca: client.caPem,
      servername: client.envoyName,
      cert: shown.certPem,
      key: shown.keyPem,
    });
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    return await new Promise((resolve) => {
      socket.on("error", (error) => resolve(`not trusted: ${(error as NodeJS.ErrnoException).code}`));
      socket.on("end", () => resolve(text));
    });
  } finally {
    server.close();
  }
}

test("what two replicas make of one seed is good for the Envoys of both", async () => {
  const [one, other] = await Promise.all([made(), made()]);
  expect(one.caPem).not.toBe(other.caPem);
  expect(await meet(one, one, one.controlPlane)).toBe("in");
  expect(await meet(one, other, other.controlPlane)).toBe("in");
});

test("another seed is another authority", async () => {
  const [one, other] = await Promise.all([made(), made("east", Buffer.alloc(32, 8))]);
  expect(await meet(one, one, other.controlPlane)).toMatch(/^refused: /);
  expect(await meet(one, other, other.controlPlane)).toMatch(/^not trusted: /);
});

test("an Envoy cannot ask another with its own certificate", async () => {
  const one = await made();
  expect(await meet(one, one, one.envoy)).toBe("refused: INVALID_PURPOSE");
});

test.each([Buffer.alloc(32, 0), Buffer.alloc(32, 0xff)])("any 32 bytes make a key", async (bytes) => {
  const one = await made("east", bytes);
  expect(await meet(one, one, one.controlPlane)).toBe("in");
});
