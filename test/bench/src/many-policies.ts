import type { Stack } from "@atoll/demo/stack";

const services = 50;
/** Resources of one change set. */
const perChangeSet = 50;

/**
 * Fifty services, each with a Dataplane in the zone that no proxy connects as, and so many policies with a `targetRef` about them, of every kind that
 * chooses between services: half of them for one service's proxies, half for whoever calls one.
 */
export async function writePolicies(stack: Stack, zone: string, count: number, signal: AbortSignal): Promise<void> {
  for (let number = 0; number < services; number++) {
    const name = `busy-${number}-1`;
    const networking = {
      address: `10.99.${Math.floor(number / 250)}.${(number % 250) + 1}`,
      inbound: [{ port: 80, tags: { "kuma.io/service": serviceOf(number), "kuma.io/protocol": "http" } }],
    };
    await send(`${stack.zones[zone]!.url}/meshes/default/dataplanes/${name}`, "PUT", {
      type: "Dataplane",
      mesh: "default",
      name,
      networking,
    });
  }
  for (let first = 0; first < count; first += perChangeSet) {
    signal.throwIfAborted();
    const resources = Array.from({ length: Math.min(perChangeSet, count - first) }, (_, index) => policy(first + index));
    await send(`${stack.url}/changes`, "POST", { resources });
  }
}

async function send(url: string, method: string, body: object): Promise<void> {
  const answer = await fetch(url, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${url} was refused: ${answer.status} ${await answer.text()}`);
}

const serviceOf = (number: number): string => `busy-${number % services}`;

type Part = (number: number) => { to?: object; from?: object };

const kinds: Record<string, Part> = {
  MeshTimeout: (number) => ({ to: { connectionTimeout: `${(number % 9) + 1}s` } }),
  MeshRetry: (number) => ({ to: { http: { numRetries: (number % 4) + 1 } } }),
  MeshCircuitBreaker: (number) => ({ to: { connectionLimits: { maxRequests: 1000 + number } } }),
  MeshHealthCheck: (number) => ({
    to: { interval: `${(number % 9) + 10}s`, timeout: "1s", unhealthyThreshold: 3, healthyThreshold: 1, tcp: {} },
  }),
  MeshLoadBalancingStrategy: () => ({ to: { loadBalancer: { type: "LeastRequest" } } }),
  MeshAccessLog: (number) => ({ to: { backends: [{ type: "File", file: { path: `/tmp/access-${number}.log` } }] } }),
  MeshRateLimit: (number) => ({ from: { local: { http: { requestRate: { num: 1000 + number, interval: "1s" } } } } }),
  MeshFaultInjection: (number) => ({ from: { http: [{ delay: { value: `${number % 7}ms`, percentage: 1 } }] } }),
  MeshTrafficPermission: () => ({ from: { action: "Allow" } }),
};

function policy(number: number): object {
  const types = Object.keys(kinds);
  const type = types[number % types.length]!;
  const { to, from } = kinds[type]!(number);
  const service = serviceOf(Math.floor(number / types.length));
  const one = { kind: "MeshSubset", tags: { "kuma.io/service": service } };
  const called = { kind: "MeshService", name: service };
  const spec = to
    ? { targetRef: number % 2 ? one : { kind: "Mesh" }, to: [{ targetRef: called, default: to }] }
    : { targetRef: { ...one, proxyTypes: ["Sidecar"] }, from: [{ targetRef: { kind: "Mesh" }, default: from }] };
  return { type, mesh: "default", name: `busy-${number}`, spec };
}
