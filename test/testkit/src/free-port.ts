import { createServer } from "node:net";

const given = new Set<number>();

/**
 * A TCP port that nothing on 127.0.0.1 listens on; never the same twice in one process. Another process may still take it,
 * so let a server of ours choose its own port (0) where it can.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await unusedPort();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

function unusedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
