import type { MeshGatewayRouteSpec } from "@atoll/resource";
import { addAdminListener } from "../admin-listener.ts";
import { listenerTags } from "./listener-tags.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import { proxyPlaces } from "@atoll/policy";
import type { ProxyPolicies } from "@atoll/policy";
import { addLogCollectors } from "../policies/access-log.ts";
import { addMetrics } from "../policies/metrics.ts";
import { tracing } from "../policies/tracing.ts";
import type { ProxyMetadata } from "../proxy-ref.ts";
import type { SecretView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { addGatewayListener } from "./gateway-listener.ts";
import { gatewayScope } from "./gateway-scope.ts";
import type { TaggedListener } from "./host.ts";

const runtimeLayer = "gateway.listeners";

/** A builtin gateway. Returns the certificates of its listeners. */
export function addGateway(
  contexts: MeshContexts,
  context: MeshContext,
  policies: ProxyPolicies,
  metadata: ProxyMetadata,
  builder: ViewBuilder,
): SecretView[] {
  const { dataplane, gateway } = policies;
  addAdminListener(builder, dataplane, metadata);
  addMetrics(builder, context, policies, metadata);
  const limits: Record<string, number> = {};
  const secrets: SecretView[] = [];
  if (gateway) {
    const trace = tracing(context, policies);
    addLogCollectors(builder, dataplane, policies);
    if (trace) builder.cluster(trace.cluster, undefined, trace.reasons);
    const pipeFolder = metadata.workDir ?? "/tmp";
    const scope = gatewayScope({ contexts, context, policies, gateway, pipeFolder }, builder, trace);
    const ports = new Map<number, [TaggedListener, ...TaggedListener[]]>();
    for (const listener of gateway.spec.conf.listeners) {
      const tagged = { ...listener, effectiveTags: listenerTags(dataplane, gateway, listener) };
      const samePort = ports.get(listener.port);
      if (samePort) samePort.push(tagged);
      else ports.set(listener.port, [tagged]);
    }
    const places = proxyPlaces([...ports.values()].flat().map(({ effectiveTags }) => effectiveTags));
    const routes = context.placed<MeshGatewayRouteSpec>("MeshGatewayRoute", places);
    for (const listeners of ports.values()) {
      const made = addGatewayListener(scope, listeners, routes);
      secrets.push(...made.secrets);
      const limit = listeners[0].resources?.connectionLimit;
      if (limit) limits[`envoy.resource_limits.listener.${made.name}.connection_limit`] = limit;
    }
  }
  builder.runtime(runtimeLayer, limits);
  return secrets;
}
