import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** Looks until the condition holds. Fails with `what` after ten seconds. */
export async function until<T>(condition: () => T | Promise<T>, what: string, details: () => string = () => ""): Promise<NonNullable<T>> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}\n${details()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
