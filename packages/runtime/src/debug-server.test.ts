import { expect, test } from "vitest";
import { startDebugServer } from "./debug-server.ts";
import { Registry } from "./metrics.ts";

test("a view that is added after the start is served, and an unknown one is not found", async () => {
  const views: Record<string, () => unknown> = {};
  const server = await startDebugServer({
    address: "127.0.0.1",
    port: 0,
    registry: new Registry(),
    notReady: () => "still opening",
    views,
  });
  try {
    const url = `http://127.0.0.1:${server.port}`;
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/debug/replica`)).status).toBe(404);
    views["replica"] = () => ({ revision: 7 });
    expect(await (await fetch(`${url}/debug/replica`)).json()).toEqual({ revision: 7 });
    expect(await (await fetch(`${url}/debug`)).json()).toEqual(["/debug/replica"]);
    expect((await fetch(`${url}/debug/toString`)).status).toBe(404);
  } finally {
    await server.close();
  }
});
