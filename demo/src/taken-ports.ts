import { createServer } from "node:net";

/** Those of the ports on which something already listens at 127.0.0.1. */
export async function takenPorts(wanted: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of wanted) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (!free) taken.push(port);
  }
  return taken;
}
