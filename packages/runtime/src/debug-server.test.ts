import { expect, test } from "vitest";
import { startDebugServer } from "./debug-server.ts";
import { Registry } from "./metrics.ts";

test("health, readiness with its reason, and views that came after the start", async () => {
  let reason: string | null = "opening the log";
  const views: Record<string, () => unknown> = {};
  const server = await startDebugServer({ address: "127.0.0.1", port: 0, registry: new Registry(), notReady: () => reason, views });
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  try {
    expect(await get("/healthz")).toEqual({ status: 200, text: "ok\n" });
    expect(await get("/readyz")).toEqual({ status: 503, text: "opening the log\n" });
    expect((await get("/debug/replica")).status).toBe(404);
    reason = null;
    views["replica"] = () => ({ revision: 3 });
    expect((await get("/ready")).status).toBe(200);
    expect(JSON.parse((await get("/debug/replica")).text)).toEqual({ revision: 3 });
    expect(JSON.parse((await get("/debug")).text)).toEqual(["/debug/replica"]);
  } finally {
    await server.close();
  }
});
