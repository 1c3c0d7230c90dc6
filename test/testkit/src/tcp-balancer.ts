import { connect, createServer, type Socket } from "node:net";

export interface TcpBalancer extends AsyncDisposable {
  readonly port: number;
  /** Connections handed to each backend so far. */
  readonly connections: ReadonlyMap<number, number>;
  /** Of those, still open. */
  readonly open: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/**
 * What stands before a zone's ingresses in production: one address, connections in turn to backends on 127.0.0.1. A backend that
 * refuses is passed over, as a load balancer with health checks does.
 */
export async function startTcpBalancer(port: number, backends: readonly number[]): Promise<TcpBalancer> {
  const connections = new Map(backends.map((backend) => [backend, 0]));
  const open = new Map(backends.map((backend) => [backend, 0]));
  const sockets = new Set<Socket>();
  let turn = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    keep(client);
    client.on("error", () => client.destroy());
    const order = backends.map((_, index) => backends[(turn + index) % backends.length]!);
    turn++;
    const dial = (rest: readonly number[]) => {
      const [backend, ...others] = rest;
      if (backend === undefined) return void client.destroy();
      const upstream = connect({ port: backend, host: "127.0.0.1", allowHalfOpen: true });
      keep(upstream);
      client.once("close", () => upstream.destroy());
      upstream.once("error", () => {
        if (upstream.bytesRead === 0 && client.bytesRead === 0) dial(others);
        else client.destroy();
      });
      upstream.once("connect", () => {
        connections.set(backend, connections.get(backend)! + 1);
        upstream.removeAllListeners("error").on("error", () => client.destroy());
        open.set(backend, open.get(backend)! + 1);
        upstream.on("close", () => {
          open.set(backend, open.get(backend)! - 1);
          client.destroy();
        });
        client.pipe(upstream).pipe(client);
        client.resume();
      });
    };
    dial(order);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port, connections, open, close, [Symbol.asyncDispose]: close };
}
