import { anyValue } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { MeshGatewayRouteSpec, MeshGatewaySpec, Resource, TagMap, TrafficRouteSpec, VirtualOutboundSpec } from "@atoll/resource";
import type { MeshContext } from "../mesh-context.ts";
import { serviceTag } from "../names.ts";

/** Tag sets by which proxies of a mesh may ask for a service: what zone proxies must recognise in SNI. */
export interface MeshDestinations {
  /** For one service: its own and those for any service, which then name it. */
  of(service: string): Tags[];
  /** Those for any service, with `*` in place of the service. */
  readonly general: readonly Tags[];
  /** Resources by which a service is asked for. */
  sources(service: string): Resource[];
}

/**
 * Collects every destination that resources of the mesh name. `offered` are the tag sets of available services, which
 * VirtualOutbounds are evaluated on. Tags that outbounds of any zone ask for count, too. While the mesh has no TrafficRoute, any service
 * may be asked for by its name alone.
 */
export function meshDestinations(context: MeshContext, offered: readonly Tags[]): MeshDestinations {
  const byService = new Map<string, Tags[]>();
  const sources = new Map<string, Set<Resource>>();
  const add = (tags: Tags | undefined, source?: Resource): void => {
    const service = tags?.[serviceTag];
    if (!tags || !service) return;
    if (source) sources.set(service, (sources.get(service) ?? new Set()).add(source));
    byService.set(service, [...(byService.get(service) ?? []), tags]);
  };
  const addSplits = (route: { split?: { destination: TagMap }[]; destination?: TagMap }, source: Resource): void => {
    for (const { destination } of route.split ?? []) add(destination, source);
    add(route.destination, source);
  };

  for (const route of context.resources<TrafficRouteSpec>("TrafficRoute")) {
    const { conf } = route.spec;
    for (const one of [conf, ...(conf.http ?? [])]) addSplits(one, route);
  }
  if (!context.hasTrafficRoutes) add({ [serviceTag]: anyValue });
  for (const route of context.resources<MeshGatewayRouteSpec>("MeshGatewayRoute")) {
    const { spec } = route;
    const rules = [...(spec.conf.http?.rules ?? []), ...(spec.conf.tcp?.rules ?? [])];
    for (const { destination } of rules.flatMap((rule) => rule.backends ?? [])) add(destination, route);
    const filters = (spec.conf.http?.rules ?? []).flatMap((rule) => rule.filters ?? []);
    for (const { mirror } of filters) add(mirror?.backend.destination, route);
  }
  for (const gateway of context.resources<MeshGatewaySpec>("MeshGateway")) {
    const { spec } = gateway;
    for (const listener of spec.conf.listeners.filter(({ crossMesh }) => crossMesh)) {
      for (const { match } of spec.selectors) add({ ...spec.tags, ...match, ...listener.tags }, gateway);
    }
  }
  for (const outbound of context.resources<VirtualOutboundSpec>("VirtualOutbound")) {
    const { spec } = outbound;
    const keys = spec.conf.parameters.map(({ name, tagKey }) => tagKey || name);
    for (const tags of offered) {
      const selected = spec.selectors.some(({ match }) =>
        Object.entries(match ?? {}).every(([key, value]) => value === anyValue || tags[key] === value),
      );
      if (selected && keys.every((key) => tags[key])) add(Object.fromEntries(keys.map((key) => [key, tags[key]!])), outbound);
    }
  }

  for (const tags of context.zone.askedFor.get(context.name) ?? []) add(tags);

  const general = byService.get(anyValue) ?? [];
  return {
    general,
    sources: (service) => [...new Set([...(sources.get(service) ?? []), ...(sources.get(anyValue) ?? [])])],
    of: (service) => [...(byService.get(service) ?? []), ...general].map((tags) => ({ ...tags, [serviceTag]: service })),
  };
}
