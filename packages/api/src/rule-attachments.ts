import { type TagRule, tagRuleFor } from "@atoll/policy";
import { type DataplaneSpec, type Resource, type TagMap, type VirtualIpSpec, sortedLabels, tag } from "@atoll/resource";
import { destinationClusterName, outboundAddresses } from "@atoll/view";

/** The rules that the policies of one type come to for a sidecar. */
export interface RulesOfType {
  type: string;
  /** By `address:port` of an inbound, for those who call it. */
  from: ReadonlyMap<string, readonly TagRule[]>;
  to: readonly TagRule[];
  single: TagRule | undefined;
}

interface RuleAttachment {
  type: "ClientSubset" | "DestinationSubset" | "SingleItem";
  name?: string;
  addresses?: string[];
  service?: string;
  tags?: TagMap;
  policyType: string;
  subset: TagMap;
  conf: unknown;
  origins: { mesh: string; name: string }[];
}

/**
 * Rules part by part of a sidecar, by the name of the part: the view from before there was `_rules`. It knows services by their tags alone, and
 * nothing of `rules` beside `from` and `to`. Source: github.com/kumahq/kuma, pkg/core/xds/inspect/rules.go.
 */
export function ruleAttachments(
  dataplane: Resource<DataplaneSpec>,
  virtualIps: readonly VirtualIpSpec[],
  byType: readonly RulesOfType[],
): RuleAttachment[] {
  const outbounds = outboundsByName(dataplane, virtualIps);
  const all = byType.flatMap(({ type, from, to, single }): RuleAttachment[] => [
    ...clientSubsets(dataplane, from).map(({ rule, ...place }) => ({ type: "ClientSubset" as const, ...place, ...shown(type, rule) })),
    ...outbounds.flatMap(({ addresses, ...place }) => {
      const rule = tagRuleFor(to, place.tags);
      return rule ? [{ type: "DestinationSubset" as const, ...place, addresses: [...addresses], ...shown(type, rule) }] : [];
    }),
    ...(single ? [{ type: "SingleItem" as const, ...shown(type, single) }] : []),
  ]);
  return all.toSorted((a, b) => compare(a.name ?? "", b.name ?? "") || compare(a.type, b.type) || compare(a.policyType, b.policyType));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const placeOf = (tags: TagMap) => ({ name: destinationClusterName(tags), service: tags[tag.service] ?? "", tags: sortedLabels(tags) });

function clientSubsets({ spec: { networking } }: Resource<DataplaneSpec>, from: RulesOfType["from"]) {
  return (networking.inbound ?? []).flatMap(({ address = networking.address, port, tags }) => {
    const own = `${address}:${port}`;
    return (from.get(own) ?? []).map((rule) => ({ ...placeOf(tags), addresses: [own], rule }));
  });
}

/** Several outbounds with the same tags are one, with the names and addresses of all. */
function outboundsByName(dataplane: Resource<DataplaneSpec>, virtualIps: readonly VirtualIpSpec[]) {
  const named = new Map<string, ReturnType<typeof placeOf> & { addresses: Set<string> }>();
  const domainsOf = Map.groupBy(virtualIps, ({ address }) => address);
  for (const { address, port, tags } of outboundAddresses(dataplane, virtualIps)) {
    const place = placeOf(tags);
    const one = named.get(place.name) ?? { ...place, addresses: new Set<string>() };
    named.set(place.name, one);
    const domains = (domainsOf.get(address) ?? []).flatMap((virtualIp) => virtualIp.domains);
    for (const host of [...domains, address]) one.addresses.add(`${host}:${port}`);
  }
  return [...named.values()];
}

const shown = (policyType: string, { subset, conf, origins }: TagRule) => ({
  policyType,
  subset: sortedLabels(Object.fromEntries(subset.map(({ key, value, not }) => [key, not ? `!${value}` : value]))),
  conf,
  origins: origins.map(({ policy: { mesh, name } }) => ({ mesh, name })),
});
