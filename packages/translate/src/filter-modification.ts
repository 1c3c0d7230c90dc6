import { clone, fromBinary } from "@bufbuild/protobuf";
import type { JsonValue, MessageShape } from "@bufbuild/protobuf";
import { encodeAny, typeUrlOf } from "@atoll/envoy-api";
import { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManager } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ProxyModificationView } from "@atoll/view";
import { nativeMessage } from "./native-json.ts";
import { patchFilter, patchMessage } from "./patch-message.ts";

/** The network filters of every chain, changed. */
export function modifyNetworkFilters(listener: Listener, modification: ProxyModificationView): Listener {
  const copy = clone(ListenerSchema, listener);
  for (const chain of copy.filterChains) chain.filters = modifyFilters(FilterSchema, chain.filters, modification);
  return copy;
}

/** The HTTP filters of every connection manager, changed. */
export function modifyHttpFilters(listener: Listener, modification: ProxyModificationView): Listener {
  return changeConnectionManagers(listener, (manager) => {
    manager.httpFilters = modifyFilters(HttpFilterSchema, manager.httpFilters, modification);
    return true;
  });
}

export function modifyVirtualHosts(routes: RouteConfiguration, modification: ProxyModificationView): RouteConfiguration {
  const copy = clone(RouteConfigurationSchema, routes);
  const matches = (host: { name: string }) => modification.match?.name === undefined || modification.match.name === host.name;
  switch (modification.operation) {
    case "add":
      copy.virtualHosts.push(nativeMessage(VirtualHostSchema, modification.value as JsonValue));
      return copy;
    case "remove":
      copy.virtualHosts = copy.virtualHosts.filter((host) => !matches(host));
      return copy;
    case "patch":
      copy.virtualHosts = copy.virtualHosts.map((host) => (matches(host) ? patchMessage(VirtualHostSchema, host, modification) : host));
      return copy;
    default:
      throw new Error(`operation "${modification.operation}" is not one of add, patch, remove`);
  }
}

/** The virtual hosts of routes that stand in the listener itself; a listener without such routes comes back as it is. */
export function modifyInlineVirtualHosts(
  listener: Listener,
  modification: ProxyModificationView,
  inRoutes: (name: string) => boolean,
): Listener {
  return changeConnectionManagers(listener, (manager) => {
    const { routeSpecifier } = manager;
    if (routeSpecifier.case !== "routeConfig" || !inRoutes(routeSpecifier.value.name)) return false;
    manager.routeSpecifier = { case: "routeConfig", value: modifyVirtualHosts(routeSpecifier.value, modification) };
    return true;
  });
}

function changeConnectionManagers(listener: Listener, change: (manager: HttpConnectionManager) => boolean): Listener {
  const copy = clone(ListenerSchema, listener);
  let changed = false;
  for (const filter of copy.filterChains.flatMap((chain) => chain.filters)) {
    if (filter.configType.case !== "typedConfig" || filter.configType.value.typeUrl !== typeUrlOf(HttpConnectionManagerSchema)) continue;
    const manager = fromBinary(HttpConnectionManagerSchema, filter.configType.value.value);
    if (!change(manager)) continue;
    filter.configType = { case: "typedConfig", value: encodeAny(HttpConnectionManagerSchema, manager) };
    changed = true;
  }
  return changed ? copy : listener;
}

/** The operations on a list of filters. A filter named in `match.name` that is not there changes nothing. */
function modifyFilters<Desc extends typeof FilterSchema | typeof HttpFilterSchema>(
  schema: Desc,
  filters: MessageShape<Desc>[],
  modification: ProxyModificationView,
): MessageShape<Desc>[] {
  const { operation, match } = modification;
  const filter = () => nativeMessage(schema, modification.value as JsonValue);
  const matches = (one: MessageShape<Desc>) => match?.name === undefined || one.name === match.name;
  const position = filters.findIndex(matches);
  switch (operation) {
    case "addFirst":
      return [filter(), ...filters];
    case "addLast":
      return [...filters, filter()];
    case "addBefore":
      return position < 0 ? filters : filters.toSpliced(position, 0, filter());
    case "addAfter":
      return position < 0 ? filters : filters.toSpliced(position + 1, 0, filter());
    case "remove":
      return filters.filter((one) => !matches(one));
    case "patch":
      return filters.map((one) => (matches(one) ? patchFilter(schema, one, modification) : one));
    default:
      throw new Error(`operation "${operation}" is not one of addFirst, addLast, addBefore, addAfter, patch, remove`);
  }
}
