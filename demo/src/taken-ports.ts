import { createServer } from "node:net";

/** Those of the ports on which something listens already, at any address of this machine. */
export async function takenPorts(wanted: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of wanted) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, () => server.close(() => resolve(true)));
    });
    if (!free) taken.push(port);
  }
  return taken;
}
