import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { listenHost } from "./listen-host.ts";

async function answersAt(setting: string): Promise<string[]> {
  const server = createServer((socket) => socket.end());
  server.listen(0, listenHost(setting));
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const reached: string[] = [];
  for (const host of ["127.0.0.1", "::1"]) {
    const socket = connect({ host, port });
    const connected = await new Promise<boolean>((resolve) =>
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false)),
    );
    if (connected) reached.push(host);
    socket.destroy();
  }
  server.close();
  return reached;
}

test.each([
  ["0.0.0.0", ["127.0.0.1", "::1"]],
  ["::", ["127.0.0.1", "::1"]],
  ["", ["127.0.0.1", "::1"]],
  ["[::]", ["127.0.0.1", "::1"]],
  ["127.0.0.1", ["127.0.0.1"]],
  ["::1", ["::1"]],
  ["[::1]", ["::1"]],
])("an interface of %j answers at %j", async (setting, reached) => expect(await answersAt(setting)).toEqual(reached));
