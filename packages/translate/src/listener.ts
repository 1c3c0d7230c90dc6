import { create } from "@bufbuild/protobuf";
import { encodeAny } from "@atoll/envoy-api";
import { TrafficDirection } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { TlsInspectorSchema } from "@atoll/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { FilterChainView, ListenerView, RouteConfigView } from "@atoll/view";
import { addressOf } from "./address.ts";
import { dnsFilter } from "./dns-filter.ts";
import { httpConnectionManager } from "./http-connection.ts";
import { listenerMetadata } from "./metadata.ts";
import { networkRbac } from "./rbac.ts";
import { translateRoutes } from "./route.ts";
import { statName } from "./stat-name.ts";
import { directResponse, tcpFilters } from "./tcp-proxy.ts";
import { downstreamTlsSocket } from "./tls.ts";
import type { Init } from "./init.ts";

type FilterInit = Init<typeof FilterSchema>;

const directions = {
  inbound: TrafficDirection.INBOUND,
  outbound: TrafficDirection.OUTBOUND,
  unspecified: TrafficDirection.UNSPECIFIED,
} as const;

/** `routes` translates routes that stand in the listener itself. */
export function translateListener(view: ListenerView, routes: (view: RouteConfigView) => RouteConfiguration = translateRoutes): Listener {
  return create(ListenerSchema, {
    name: view.name,
    address: addressOf(view.address, view.port, view.protocol),
    statPrefix: view.statPrefix === undefined ? "" : statName(view.statPrefix),
    trafficDirection: directions[view.direction],
    enableReusePort: view.reusePort,
    bindToPort: view.bindToPort,
    useOriginalDst: view.originalDst,
    perConnectionBufferLimitBytes: view.perConnectionBufferLimitBytes,
    metadata: listenerMetadata(view.tags),
    listenerFilters: listenerFilters(view),
    filterChains: view.chains.map((chain) => filterChain(chain, routes)),
  });
}

function listenerFilters(view: ListenerView): Init<typeof ListenerFilterSchema>[] {
  const filters: Init<typeof ListenerFilterSchema>[] = [];
  if (view.tlsInspector) {
    const value = encodeAny(TlsInspectorSchema, {});
    filters.push({ name: "envoy.filters.listener.tls_inspector", configType: { case: "typedConfig", value } });
  }
  if (view.dns) filters.push(dnsFilter(view.dns));
  return filters;
}

function filterChain(view: FilterChainView, routes: (view: RouteConfigView) => RouteConfiguration): Init<typeof FilterChainSchema> {
  return {
    name: view.name ?? "",
    filterChainMatch: view.match && chainMatch(view.match),
    transportSocket: view.tls && downstreamTlsSocket(view.tls),
    filters: filters(view, routes),
  };
}

function chainMatch(match: NonNullable<FilterChainView["match"]>): Init<typeof FilterChainMatchSchema> {
  const { transportProtocol = "", serverNames = [], applicationProtocols = [] } = match;
  return { transportProtocol, serverNames, applicationProtocols };
}

function filters({ rbac, filter }: FilterChainView, routes: (view: RouteConfigView) => RouteConfiguration): FilterInit[] {
  const overHttp = rbac?.refuseRequests === true && filter.type === "http";
  const guard = rbac && !overHttp ? [networkRbac(rbac)] : [];
  switch (filter.type) {
    case "http":
      return [...guard, httpConnectionManager(filter, { routes, rbac: overHttp ? rbac : undefined })];
    case "tcp":
      return [...guard, ...tcpFilters(filter)];
    case "directResponse":
      return [...guard, directResponse(filter)];
  }
}
