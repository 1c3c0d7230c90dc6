import { anyValue } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { MeshGatewayRouteSpec, MeshGatewaySpec, Resource, TagMap, TrafficRouteSpec, VirtualOutboundSpec } from "@atoll/resource";
import type { MeshContext } from "../mesh-context.ts";
import { serviceTag, sortedTags } from "../names.ts";
import type { ResourceIndex } from "../state/state-tables.ts";

/** Equal destinations are one, whoever names them; they are found by the service, `*` among them. */
const byService = <Spec>(type: string, destinationsIn: (spec: Spec) => Iterable<TagMap | undefined>): ResourceIndex<Spec, Tags> => ({
  type,
  *entriesOf({ spec }) {
    for (const tags of destinationsIn(spec)) {
      const group = tags?.[serviceTag];
      if (tags && group) yield { group, id: JSON.stringify(sortedTags(tags)), value: tags };
    }
  },
});

const splits = ({ split, destination }: { split?: { destination: TagMap }[]; destination?: TagMap }): (TagMap | undefined)[] => [
  ...(split ?? []).map((one) => one.destination),
  destination,
];

function* backends({ conf }: MeshGatewayRouteSpec): Generator<TagMap | undefined> {
  for (const rule of [...(conf.http?.rules ?? []), ...(conf.tcp?.rules ?? [])]) {
    for (const { destination } of rule.backends ?? []) yield destination;
  }
  for (const { mirror } of (conf.http?.rules ?? []).flatMap((rule) => rule.filters ?? [])) yield mirror?.backend.destination;
}

function* crossMeshListeners(spec: MeshGatewaySpec): Generator<TagMap> {
  for (const listener of spec.conf.listeners.filter(({ crossMesh }) => crossMesh)) {
    for (const { match } of spec.selectors) yield { ...spec.tags, ...match, ...listener.tags };
  }
}

const named = [
  byService<TrafficRouteSpec>("TrafficRoute", ({ conf }) => [conf, ...(conf.http ?? [])].flatMap(splits)),
  byService<MeshGatewayRouteSpec>("MeshGatewayRoute", backends),
  byService<MeshGatewaySpec>("MeshGateway", crossMeshListeners),
] as ResourceIndex<unknown, Tags>[];

/**
 * Tag sets by which proxies of a mesh may ask for a service: what zone proxies must recognise in SNI. Those that resources name for it or
 * for any service, which then name it; those that outbounds of any zone ask for; and what VirtualOutbounds make of `offered`, the tag sets
 * of its instances. While the mesh has no TrafficRoute, any service may be asked for by its name alone.
 */
export function destinationsOf(context: MeshContext, service: string, offered: readonly Tags[]): Tags[] {
  const own = [...askedFor(context, service), ...offered.flatMap((tags) => virtual(context, tags).map(([destination]) => destination))];
  return [...own, ...generalDestinations(context)].map((tags) => ({ ...tags, [serviceTag]: service }));
}

/** Those for any service, with `*` in place of the service. */
export const generalDestinations = (context: MeshContext): Tags[] => [
  ...(context.hasTrafficRoutes ? [] : [{ [serviceTag]: anyValue }]),
  ...askedFor(context, anyValue),
];

const askedFor = (context: MeshContext, service: string): Tags[] => [
  ...named.flatMap((index) => context.indexed(index, service)),
  ...context.zone.askedFor(context.name, service),
];

/** By which VirtualOutbounds give a name to what has these tags, and what they make of them. */
function virtual(context: MeshContext, tags: Tags): [Tags, Resource][] {
  return context.resources<VirtualOutboundSpec>("VirtualOutbound").flatMap((outbound): [Tags, Resource][] => {
    const { spec } = outbound;
    const keys = spec.conf.parameters.map(({ name, tagKey }) => tagKey || name);
    const selected = spec.selectors.some(({ match }) =>
      Object.entries(match ?? {}).every(([key, value]) => value === anyValue || tags[key] === value),
    );
    if (!selected || !keys.every((key) => tags[key]) || !keys.includes(serviceTag)) return [];
    return [[Object.fromEntries(keys.map((key) => [key, tags[key]!])), outbound]];
  });
}

/** Resources by which a service is asked for. Looks at all there are. */
export function destinationSources(context: MeshContext, service: string, offered: readonly Tags[]): Resource[] {
  const asking = (wanted: string): Resource[] =>
    named.flatMap((index) =>
      context.resources<unknown>(index.type).filter((one) => [...index.entriesOf(one)].some(({ group }) => group === wanted)),
    );
  const made = offered.flatMap((tags) => virtual(context, tags).map(([, outbound]) => outbound));
  return [...new Set([...asking(service), ...made, ...asking(anyValue)])];
}
