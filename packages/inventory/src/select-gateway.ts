import type { Resource } from "@atoll/resource";
import type { MeshGatewayIntent, Tags } from "./intents.ts";

/**
 * The MeshGateway that a builtin gateway's Dataplane serves: the one with the most specific selector that matches its tags (more tags
 * first, then more exact values); of equals the one created last, then the first by name.
 */
export function selectGateway(
  gateways: readonly Resource<MeshGatewayIntent>[],
  tags: Tags,
): { gateway: Resource<MeshGatewayIntent>; selector: Tags } | undefined {
  let best: { gateway: Resource<MeshGatewayIntent>; selector: Tags; rank: [total: number, exact: number] } | undefined;
  for (const gateway of [...gateways].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const { match: selector = {} } of gateway.spec.selectors ?? [{}]) {
      if (!matches(selector, tags)) continue;
      const exact = Object.values(selector).filter((value) => value !== "*").length;
      const rank: [number, number] = [Object.keys(selector).length, exact];
      const order = best ? rank[0] - best.rank[0] || rank[1] - best.rank[1] || newer(gateway, best.gateway) : 1;
      if (order > 0) best = { gateway, selector, rank };
    }
  }
  return best && { gateway: best.gateway, selector: best.selector };
}

function matches(selector: Tags, tags: Tags): boolean {
  return Object.entries(selector).every(([name, value]) => name in tags && (value === "*" || tags[name] === value));
}

function newer(a: Resource, b: Resource): number {
  return a.name !== b.name && a.creationTime > b.creationTime ? 1 : 0;
}
