import type { ApiClient, ApiObject } from "./api-client.ts";
import type { ClusterPlan } from "./plan.ts";

/** Gives each Service of type LoadBalancer an address, as a cloud does; the node's proxy answers at it. Ends with the watch. */
export async function serveLoadBalancers(plan: ClusterPlan, api: ApiClient): Promise<void> {
  const given = new Map<string, string>();
  await api.follow("/api/v1/services", async ({ metadata, spec, status }) => {
    if (spec?.["type"] !== "LoadBalancer") return;
    const name = `${metadata.namespace}/${metadata.name}`;
    const present = addressOf(status);
    if (present) return void given.set(name, present);
    const address = given.get(name) ?? free(plan, new Set(given.values()));
    given.set(name, address);
    const path = `/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}/status`;
    // It may be gone by now.
    await api.ask(path, "PATCH", { status: { loadBalancer: { ingress: [{ ip: address }] } } }).catch(() => undefined);
  });
}

function addressOf(status: ApiObject["status"]): string | undefined {
  const { ingress } = (status?.["loadBalancer"] ?? {}) as { ingress?: { ip: string }[] };
  return ingress?.[0]?.ip;
}

function free(plan: ClusterPlan, taken: ReadonlySet<string>): string {
  for (let last = 1; last < 255; last++) if (!taken.has(`${plan.balancers}.${last}`)) return `${plan.balancers}.${last}`;
  throw new Error("a test cluster has addresses for 254 balancers");
}
