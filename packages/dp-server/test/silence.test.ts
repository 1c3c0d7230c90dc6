import type { Socket } from "node:net";
import { Server } from "@grpc/grpc-js";
import { eventually, selfSignedPair } from "@atoll/testkit";
import { AdsServer, SnapshotCache } from "@atoll/xds";
import { expect, test } from "vitest";
import { openTlsPort } from "../src/tls-port.ts";
import { AdsClient } from "./proxy-client.ts";

test("what a client answers is counted on the socket that is watched, by the name its stream has", async () => {
  const pair = selfSignedPair();
  const grpc = new Server({ "grpc.keepalive_time_ms": 100, "grpc.keepalive_timeout_ms": 10_000 });
  const ads = new AdsServer({ cache: new SnapshotCache(), identifier: "test", hooks: { onNode: async ({ id }) => ({ nodeId: id }) } });
  ads.register(grpc);
  const sockets: Socket[] = [];
  const port = await openTlsPort({
    address: "127.0.0.1",
    port: 0,
    certificatePem: pair.certificatePem,
    privateKeyPem: pair.privateKeyPem,
    grpc,
    http: () => {},
    onGrpc: (socket) => sockets.push(socket),
  });
  const client = new AdsClient({ port: port.port, caPem: pair.certificatePem }, []).start({ id: "node" });
  try {
    await eventually(() => expect(ads.report()).toHaveLength(1));
    const [socket] = sockets;
    expect(ads.report()[0]!.peer).toBe(`${socket!.remoteAddress}:${socket!.remotePort}`);
    for (let turn = 0; turn < 3; turn++) {
      const before = socket!.bytesRead;
      // The server asks, and nothing else goes on.
      await eventually(() => expect(socket!.bytesRead).toBeGreaterThan(before));
    }
  } finally {
    client.close();
    grpc.forceShutdown();
    await port.close();
  }
});
