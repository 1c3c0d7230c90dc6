import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "../src/create-api.ts";
import { planeOptions } from "./fake-plane.ts";

let api: ReturnType<typeof createApi>;
let port: number;
beforeAll(async () => {
  api = createApi(planeOptions().options);
  await api.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = api.server.address() as AddressInfo);
});
afterAll(() => api.close());

/** A client that writes all of its request before it reads, as plain ones do. Rejects when its connection is reset. */
async function tell(head: string, bodyBytes: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  await once(socket, "connect");
  socket.write(`${head}\r\nHost: localhost\r\nContent-Type: application/json\r\n`);
  socket.write(`Content-Length: ${bodyBytes}\r\n\r\n`);
  const chunk = Buffer.alloc(64 * 1024, "x");
  for (let left = bodyBytes; left > 0; left -= chunk.length) {
    await new Promise<void>((resolve, reject) => {
      socket.write(chunk.subarray(0, left), (error) => (error ? reject(error) : resolve()));
    });
  }
  const chunks: Buffer[] = [];
  socket.on("data", (data: Buffer) => chunks.push(data));
  socket.resume();
  await once(socket, "end");
  return Buffer.concat(chunks).toString("utf8");
}

const put = "PUT /meshes/default/timeouts/x HTTP/1.1\r\nConnection: close";

test.each([
  [put, /^HTTP\/1\.1 413 .*\r\n[^]*"detail": "the body is larger than 4194304 bytes"/],
  [`${put}\r\nAuthorization: Bearer bad`, /^HTTP\/1\.1 401 /],
])("a client that writes 6 MB before it reads learns why they are refused: %j", async (head, answer) => {
  expect(await tell(head, 6_000_000)).toMatch(answer);
});
