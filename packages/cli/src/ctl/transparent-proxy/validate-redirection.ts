import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { TransparentProxyError } from "@atoll/transparent-proxy";

export interface ValidationOptions {
  /** Where inbound traffic is redirected to. */
  port: number;
  /** Address that is called, at ports where nobody listens. */
  address: string;
  timeoutMs: number;
}

/**
 * Listens where the proxy will, and calls ports of this machine at which nobody listens: a call that arrives was redirected. The caller has to run as the
 * proxy's user, whose calls to the machine itself are redirected as what comes in. @throws TransparentProxyError if none arrives
 */
export async function validateRedirection({ port, address, timeoutMs }: ValidationOptions): Promise<void> {
  const server = createServer((socket) => socket.end());
  await listen(server, port);
  try {
    await call(address, await unusedPort(), timeoutMs);
  } catch (error) {
    throw new TransparentProxyError(`traffic is not redirected to port ${port}: ${(error as Error).message}`);
  } finally {
    server.close();
  }
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });

async function unusedPort(): Promise<number> {
  const server = createServer();
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function call(address: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs }, () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.once("error", reject);
  });
}
