import { eventually } from "@atoll/testkit/eventually";
import { get } from "./measure.ts";
import type { Stack } from "./stack.ts";
import { apply, pathOf, readDocuments, type TopologyPorts } from "./topology.ts";

/** What the demo promises, asked of the running stack. Answers how many checks failed. */
export async function runChecks(stack: Stack, ports: TopologyPorts, say: (message: string) => void): Promise<number> {
  let failures = 0;
  const check = async (what: string, holds: () => Promise<boolean>) => {
    try {
      await eventually(holds, { limitMs: 10_000, everyMs: 20 });
      say(`ok     ${what}`);
    } catch (error) {
      failures++;
      say(`FAILED ${what}: ${(error as Error).message}`);
    }
  };
  const body = async (port: number, path: string) => {
    const answer = await get(port, path);
    return answer.status === 200
      ? (JSON.parse(answer.text) as { service: string; path: string; calledBy?: string })
      : { service: "", path: "", calledBy: String(answer.status) };
  };

  await check("the gateway in east reaches orders in west, with its own identity", async () => {
    const { service, calledBy } = await body(ports.edgePort, "/orders/1");
    return service === "orders" && calledBy === "spiffe://default/edge";
  });
  await check(
    "the other mesh reaches its own service over the same egress and ingress",
    async () => (await body(ports.paymentsEdgePort, "/")).service === "ledger",
  );
  await check("a service of the other mesh is not reachable", async () =>
    (await get(ports.paymentsEdgePort, "/orders", { host: "orders" })).text.includes("ledger"),
  );
  await check(
    "an external service answers through the egress",
    async () => (await body(ports.edgePort, "/quotes/today")).path === "/today",
  );

  const permission = readDocuments("meshes", ports).find(
    (document) => document.type === "TrafficPermission" && document.mesh === "default",
  )!;
  await fetch(stack.url + pathOf(permission), { method: "DELETE" });
  await check("without the TrafficPermission: 403", async () => (await get(ports.edgePort, "/orders")).status === 403);
  await apply(stack, permission);
  await check("with it again: 200", async () => (await get(ports.edgePort, "/orders")).status === 200);
  return failures;
}
