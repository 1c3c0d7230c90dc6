import { type Tags, chooseDataplanePolicy, gatewayChooser, outboundChooser, passThroughService } from "@atoll/policy";
import { type DataplaneSpec, type MeshGatewayRouteSpec, type MeshGatewaySpec, type Resource, tagSetsOf } from "@atoll/resource";
import { gatewayOutline } from "@atoll/view";
import type { PolicyLists } from "./sidecar-policies.ts";

interface Destination {
  tags: Tags;
  policies: Map<string, Resource>;
}

/** The listeners of a builtin gateway's dataplane, down to the policies of each route's destinations. */
export interface GatewayPolicies {
  gateway: Resource<MeshGatewaySpec> | undefined;
  listeners: {
    port: number;
    protocol: string;
    hosts: { hostname: string; routes: { route: string; destinations: Destination[] }[] }[];
  }[];
  /** TrafficLog and TrafficTrace, which act on the gateway as a whole. */
  whole: Map<string, Resource>;
}

const perDestination = ["CircuitBreaker", "FaultInjection", "HealthCheck", "RateLimit", "Retry", "Timeout"];

/** One route per Envoy route: a path prefix makes two. */
export function gatewayPolicies(dataplane: Resource<DataplaneSpec>, policies: PolicyLists): GatewayPolicies {
  const sources = tagSetsOf(dataplane.spec);
  const gateway = chooseDataplanePolicy(policies<MeshGatewaySpec>("MeshGateway"), sources);
  const whole = new Map<string, Resource>();
  const log = outboundChooser(policies<object>("TrafficLog"), sources)(passThroughService);
  const trace = chooseDataplanePolicy(policies<object>("TrafficTrace"), sources);
  for (const policy of [log, trace]) if (policy !== undefined) whole.set(policy.type, policy);
  if (gateway === undefined) return { gateway, listeners: [], whole };
  const listeners = gatewayOutline(dataplane, gateway, policies<MeshGatewayRouteSpec>("MeshGatewayRoute")).map(
    ({ port, protocol, hosts }) => ({
      port,
      protocol,
      hosts: hosts.map(({ hostname, tags, entries }) => {
        const choosers = perDestination.map((type) => gatewayChooser(policies<object>(type), tags));
        const chosen = (destination: Tags) =>
          new Map(choosers.flatMap((choose) => choose(destination) ?? []).map((policy) => [policy.type, policy]));
        const routes = entries.map(({ route, destinations }) => ({
          route,
          destinations: destinations.map((destination) => ({ tags: destination, policies: chosen(destination) })),
        }));
        return { hostname, routes };
      }),
    }),
  );
  return { gateway, listeners, whole };
}
