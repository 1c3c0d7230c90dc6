import { create } from "@bufbuild/protobuf";
import { encodeAny } from "@atoll/envoy-api";
import { TrafficDirection } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { HttpInspectorSchema } from "@atoll/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "@atoll/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "@atoll/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { FilterChainView, ListenerView, RouteConfigView } from "@atoll/view";
import { addressOf } from "./address.ts";
import { dnsFilter } from "./dns-filter.ts";
import { httpConnectionManager } from "./http-connection.ts";
import { listenerMetadata } from "./metadata.ts";
import { networkRbac } from "./rbac.ts";
import { connectionLimit } from "./rate-limit.ts";
import { translateRoutes } from "./route.ts";
import { statName } from "./stat-name.ts";
import { directResponse, tcpFilters } from "./tcp-proxy.ts";
import { downstreamTlsSocket } from "./tls.ts";
import type { Init } from "./init.ts";

type FilterInit = Init<typeof FilterSchema>;
type ListenerFilterInit = Init<typeof ListenerFilterSchema>;
type PortsMatch = Init<typeof ListenerFilterChainMatchPredicateSchema>;

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
    filterChains: view.chains.map((chain) => filterChain(view, chain, routes)),
  });
}

const tlsInspector = (): ListenerFilterInit => ({
  name: "envoy.filters.listener.tls_inspector",
  configType: { case: "typedConfig", value: encodeAny(TlsInspectorSchema, {}) },
});

/** The first finds the port by which the others are asked whether they look. */
function inspectors(view: NonNullable<ListenerView["inspectors"]>): ListenerFilterInit[] {
  const http = { case: "typedConfig" as const, value: encodeAny(HttpInspectorSchema, {}) };
  const originalDst = { case: "typedConfig" as const, value: encodeAny(OriginalDstSchema, {}) };
  const place = { name: "envoy.filters.listener.original_dst", configType: originalDst };
  const ports = portsMatch("only" in view ? view.only : view.except);
  if (!ports && "only" in view) return [place];
  const filterDisabled: PortsMatch | undefined = "only" in view && ports ? { rule: { case: "notMatch", value: ports } } : ports;
  const httpInspector = { name: "envoy.filters.listener.http_inspector", configType: http };
  return [place, ...[tlsInspector(), httpInspector].map((filter) => ({ ...filter, filterDisabled }))];
}

/** Envoy has no match of nothing, and none of one of one; an end is not of the range. */
function portsMatch(ports: readonly number[]): PortsMatch | undefined {
  const one = (port: number): PortsMatch => ({ rule: { case: "destinationPortRange", value: { start: port, end: port + 1 } } });
  const [first, ...others] = ports;
  if (first === undefined) return undefined;
  return others.length === 0 ? one(first) : { rule: { case: "orMatch", value: { rules: ports.map(one) } } };
}

function listenerFilters(view: ListenerView): ListenerFilterInit[] {
  const filters: ListenerFilterInit[] = [...(view.inspectors ? inspectors(view.inspectors) : [])];
  if (view.tlsInspector) filters.push(tlsInspector());
  if (view.dns) filters.push(dnsFilter(view.dns));
  return filters;
}

const sockets = new WeakMap<object, ReturnType<typeof downstreamTlsSocket>>();
const managers = new WeakMap<object, FilterInit>();

/** What was made of a part of a view, which is never changed: encoding it is most of the work. */
function remembered<View extends object, Made>(made: WeakMap<object, Made>, view: View, make: (view: View) => Made): Made {
  let known = made.get(view);
  if (known === undefined) made.set(view, (known = make(view)));
  return known;
}

function filterChain(
  { direction }: ListenerView,
  view: FilterChainView,
  routes: (view: RouteConfigView) => RouteConfiguration,
): Init<typeof FilterChainSchema> {
  return {
    name: view.name ?? "",
    filterChainMatch: view.match && chainMatch(view.match),
    transportSocket: view.tls && remembered(sockets, view.tls, downstreamTlsSocket),
    filters: filters(view, routes, direction === "inbound"),
  };
}

function chainMatch(match: NonNullable<FilterChainView["match"]>): Init<typeof FilterChainMatchSchema> {
  const { transportProtocol = "", serverNames = [], applicationProtocols = [], port, prefixes = [] } = match;
  const prefixRanges = prefixes.map(({ address, bits }) => ({ addressPrefix: address, prefixLen: bits }));
  return { transportProtocol, serverNames, applicationProtocols, destinationPort: port, prefixRanges };
}

/** `isShared`: the filter is part of many listeners. What is remembered takes many times the memory of its bytes. */
function filters(
  { rbac, filter }: FilterChainView,
  routes: (view: RouteConfigView) => RouteConfiguration,
  isShared: boolean,
): FilterInit[] {
  const overHttp = rbac?.refuseRequests === true && filter.type === "http";
  const guard = rbac && !overHttp ? [networkRbac(rbac)] : [];
  switch (filter.type) {
    case "http":
      return [
        ...(filter.connectionLimit ? [connectionLimit(filter.connectionLimit)] : []),
        ...guard,
        // The same for all instances of a service, unless it says who may send requests to this one.
        overHttp || !isShared
          ? httpConnectionManager(filter, { routes, rbac: overHttp ? rbac : undefined })
          : remembered(managers, filter, (one) => httpConnectionManager(one, { routes })),
      ];
    case "tcp":
      return [...guard, ...tcpFilters(filter)];
    case "directResponse":
      return [...guard, directResponse(filter)];
  }
}
