import { isOffered, type InventoryEntry } from "@atoll/inventory";

/** Services of dataplanes come first, then external ones, then cross-mesh gateways. */
const rank = ({ tags, externalService }: InventoryEntry) => (externalService === true ? 1 : tags["kuma.io/mesh"] === undefined ? 0 : 2);

/** `spec` of a ZoneIngress with the services of its zone, in the form clients know (dataplane.md 3.1). */
export function zoneIngressView(spec: unknown, entries: readonly InventoryEntry[]): object {
  const { availableServices: _stored, ...rest } = spec as Record<string, unknown>;
  const offered = entries.filter(isOffered);
  if (offered.length === 0) return rest;
  return {
    ...rest,
    availableServices: offered
      .toSorted((a, b) => rank(a) - rank(b))
      .map(({ tags, instances, mesh, externalService }) => ({
        tags,
        instances,
        mesh,
        ...(externalService === true && { externalService }),
      })),
  };
}
