import type { Stack } from "@atoll/demo/stack";

/** Resources of one change set. */
const perChangeSet = 50;

/** Puts so many routes of gateways that nobody runs. Another round changes each. */
export async function writeRoutes(stack: Stack, count: number, round: number, signal: AbortSignal): Promise<void> {
  for (let first = 0; first < count; first += perChangeSet) {
    signal.throwIfAborted();
    const set = Array.from({ length: Math.min(perChangeSet, count - first) }, (_, index) => unrelatedRoute(first + index, round));
    const answer = await fetch(`${stack.url}/changes`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resources: set }),
    });
    if (!answer.ok) throw new Error(`the changes were refused: ${answer.status} ${await answer.text()}`);
  }
}

export const unrelatedRoute = (number: number, round: number): object => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: `route-${number}`,
  selectors: [{ match: { "kuma.io/service": `gateway-${number % 100}` } }],
  conf: {
    http: {
      hostnames: [`shop-${number}.example.com`],
      rules: [
        {
          matches: [
            { path: { match: "PREFIX", value: `/v${round}` }, headers: [{ match: "EXACT", name: "x-tenant", value: `tenant-${number}` }] },
          ],
          filters: [{ requestHeader: { set: [{ name: "x-round", value: String(round) }] } }],
          backends: [
            { weight: 90, destination: { "kuma.io/service": `orders-${number % 500}` } },
            { weight: 10, destination: { "kuma.io/service": `orders-${number % 500}`, version: "next" } },
          ],
        },
      ],
    },
  },
});
