import { create } from "@bufbuild/protobuf";
import { VirtualHost_TlsRequirementType } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RouteSchema, VirtualHostSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { RouteConfigView, RouteView, VirtualHostView } from "@atoll/view";
import { routeFault } from "./fault.ts";
import { headersToAdd, overwriteHeader } from "./header-value.ts";
import { routeRateLimit } from "./rate-limit.ts";
import { retryPolicy } from "./retry.ts";
import { routeAction } from "./route-action.ts";
import { routeMatch } from "./route-match.ts";
import type { Init } from "./init.ts";

export function translateRoutes(view: RouteConfigView): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: view.name,
    virtualHosts: view.virtualHosts.map(virtualHost),
    requestHeadersToRemove: view.requestHeadersToRemove ?? [],
    ignorePortInHostMatching: view.ignorePortInHostMatching ?? false,
    maxDirectResponseBodySizeBytes: longAnswer(view),
    // Clusters come on their own: a route may be there a moment before its cluster, and must not be refused for it.
    validateClusters: false,
  });
}

/** Envoy refuses answers of its own that are longer than 4 KiB, unless it is told how long they may be. */
function longAnswer({ virtualHosts }: RouteConfigView): number | undefined {
  let longest = 4096;
  for (const { routes } of virtualHosts) {
    for (const { action } of routes) if (action.type === "directResponse") longest = Math.max(longest, Buffer.byteLength(action.body));
  }
  return longest > 4096 ? longest : undefined;
}

function virtualHost(view: VirtualHostView): Init<typeof VirtualHostSchema> {
  return {
    name: view.name,
    domains: view.domains,
    requireTls: view.requireTls ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
    responseHeadersToAdd: (view.responseHeadersToSet ?? []).map(overwriteHeader),
    retryPolicy: view.retry && retryPolicy(view.retry),
    routes: view.routes.map(route),
  };
}

function route(view: RouteView): Init<typeof RouteSchema> {
  return {
    name: view.name ?? "",
    match: routeMatch(view.match),
    action: routeAction(view),
    requestHeadersToAdd: headersToAdd(view.requestHeaders),
    requestHeadersToRemove: view.requestHeaders?.remove ?? [],
    responseHeadersToAdd: headersToAdd(view.responseHeaders),
    responseHeadersToRemove: view.responseHeaders?.remove ?? [],
    typedPerFilterConfig: { ...(view.rateLimit && routeRateLimit(view.rateLimit)), ...(view.fault && routeFault(view.fault)) },
  };
}
