import { once } from "node:events";
import { createServer, type Server } from "node:net";

export interface LineSink {
  server: Server;
  lines: string[];
}

/** A TCP server that keeps the lines it gets. */
export async function lineSink(port: number): Promise<LineSink> {
  const lines: string[] = [];
  const server = createServer((socket) => {
    let rest = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
    });
    socket.on("error", () => socket.destroy());
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, lines };
}
