import type { InventoryEntry } from "@atoll/inventory";

/** `spec` of a ZoneIngress with the services of its zone, in the form clients know (dataplane.md 3.1). */
export function zoneIngressView(spec: unknown, entries: readonly InventoryEntry[]): object {
  const { availableServices: _stored, ...rest } = spec as Record<string, unknown>;
  if (entries.length === 0) return rest;
  return {
    ...rest,
    availableServices: entries.map(({ tags, instances, mesh, externalService }) => ({
      tags,
      instances,
      mesh,
      ...(externalService === true && { externalService }),
    })),
  };
}
