import { gatewayChooser } from "@atoll/policy";
import type { Chooser, ConnectionPolicy, Tags } from "@atoll/policy";
import type {
  CircuitBreakerSpec,
  FaultInjectionSpec,
  HealthCheckSpec,
  RateLimitSpec,
  Resource,
  RetrySpec,
  TimeoutSpec,
} from "@atoll/resource";
import type { Dataplane } from "../dataplane.ts";
import type { ExternalService } from "../external-service.ts";
import type { MeshContext, MeshGateway } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import type { Tracing } from "../policies/traffic-trace.ts";
import type { ViewBuilder } from "../view-builder.ts";

/** What all listeners of one gateway have in common. */
export interface GatewayScope {
  contexts: MeshContexts;
  context: MeshContext;
  builder: ViewBuilder;
  dataplane: Dataplane;
  gateway: MeshGateway;
  sources: readonly Tags[];
  /** Service of the gateway itself. */
  service: string;
  tracing: Tracing | undefined;
  /** External services it may dial itself. */
  dialled: readonly ExternalService[];
  pipeFolder: string;
  ipv6: boolean;
}

type Choose<Spec> = Chooser<Tags, Resource<Spec>>;

/** Policies for the destinations of one virtual host, by the tags of its listener. */
export interface HostPolicies {
  timeout: Choose<TimeoutSpec>;
  retry: Choose<RetrySpec>;
  rateLimit: Choose<RateLimitSpec>;
  circuitBreaker: Choose<CircuitBreakerSpec>;
  healthCheck: Choose<HealthCheckSpec>;
  fault: Choose<FaultInjectionSpec>;
}

export function hostPolicies(context: MeshContext, tags: Tags): HostPolicies {
  const choose = <Spec extends ConnectionPolicy["spec"]>(type: string): Choose<Spec> =>
    gatewayChooser(context.resources<Spec>(type), tags, context.rules);
  return {
    timeout: choose("Timeout"),
    retry: choose("Retry"),
    rateLimit: choose("RateLimit"),
    circuitBreaker: choose("CircuitBreaker"),
    healthCheck: choose("HealthCheck"),
    fault: context.rules.gatewayFaults === "applied" ? choose("FaultInjection") : gatewayChooser([], tags),
  };
}
