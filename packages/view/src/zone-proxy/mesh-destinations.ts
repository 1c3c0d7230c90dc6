import { anyValue } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { MeshGatewayRouteSpec, MeshGatewaySpec, TagMap, TrafficRouteSpec, VirtualOutboundSpec } from "@atoll/resource";
import type { MeshContext } from "../mesh-context.ts";
import { serviceTag } from "../names.ts";

/** Tag sets by which proxies of a mesh may ask for a service: what zone proxies must recognise in SNI. */
export interface MeshDestinations {
  /** For one service: its own and those for any service, which then name it. */
  of(service: string): Tags[];
  /** Those for any service, with `*` in place of the service. */
  readonly general: readonly Tags[];
}

/**
 * Collects every destination that resources of the mesh name. `offered` are the tag sets of available services, which
 * VirtualOutbounds are evaluated on. While the mesh has no TrafficRoute, any service may be asked for by its name alone.
 */
export function meshDestinations(context: MeshContext, offered: readonly Tags[]): MeshDestinations {
  const byService = new Map<string, Tags[]>();
  const add = (tags: Tags | undefined): void => {
    const service = tags?.[serviceTag];
    if (!tags || !service) return;
    byService.set(service, [...(byService.get(service) ?? []), tags]);
  };
  const addSplits = (route: { split?: { destination: TagMap }[]; destination?: TagMap }): void => {
    for (const { destination } of route.split ?? []) add(destination);
    add(route.destination);
  };

  for (const { spec } of context.resources<TrafficRouteSpec>("TrafficRoute")) {
    addSplits(spec.conf);
    for (const http of spec.conf.http ?? []) addSplits(http);
  }
  if (!context.hasTrafficRoutes) add({ [serviceTag]: anyValue });
  for (const { spec } of context.resources<MeshGatewayRouteSpec>("MeshGatewayRoute")) {
    const rules = [...(spec.conf.http?.rules ?? []), ...(spec.conf.tcp?.rules ?? [])];
    for (const { destination } of rules.flatMap((rule) => rule.backends ?? [])) add(destination);
    const filters = (spec.conf.http?.rules ?? []).flatMap((rule) => rule.filters ?? []);
    for (const { mirror } of filters) add(mirror?.backend.destination);
  }
  for (const { spec } of context.resources<MeshGatewaySpec>("MeshGateway")) {
    for (const listener of spec.conf.listeners.filter(({ crossMesh }) => crossMesh)) {
      for (const { match } of spec.selectors) add({ ...spec.tags, ...match, ...listener.tags });
    }
  }
  for (const { spec } of context.resources<VirtualOutboundSpec>("VirtualOutbound")) {
    const keys = spec.conf.parameters.map(({ name, tagKey }) => tagKey || name);
    for (const tags of offered) {
      const selected = spec.selectors.some(({ match }) =>
        Object.entries(match ?? {}).every(([key, value]) => value === anyValue || tags[key] === value),
      );
      if (selected && keys.every((key) => tags[key])) add(Object.fromEntries(keys.map((key) => [key, tags[key]!])));
    }
  }

  const general = byService.get(anyValue) ?? [];
  return {
    general,
    of: (service) => [...(byService.get(service) ?? []), ...general].map((tags) => ({ ...tags, [serviceTag]: service })),
  };
}
