import type { ServiceType } from "@atoll/resource";
import { AddressRange } from "../address-range.ts";

export interface VipRequest {
  cidrs: Readonly<Record<ServiceType, string>>;
  /** Record names of the services that there are. */
  wanted: readonly { record: string; type: ServiceType }[];
  /** Addresses that were given out, by record name, also to services that are gone. */
  present: ReadonlyMap<string, string>;
}

/**
 * The address of each service, by record name: the one it has or had, else the one after the highest that was ever given, so that no
 * client meets another service at an address it remembers. Where a range is used up there is none.
 */
export function allocateVips({ cidrs, wanted, present }: VipRequest): { vips: Map<string, string>; without: string[] } {
  const vips = new Map<string, string>();
  const without: string[] = [];
  const ranges = new Map<ServiceType, AddressRange>();
  const free = new Map<ServiceType, Generator<string>>();
  for (const { record, type } of wanted) {
    const range = ranges.get(type) ?? new AddressRange(cidrs[type]);
    ranges.set(type, range);
    const given = present.get(record);
    if (given !== undefined && range.includes(given)) {
      vips.set(record, given);
      continue;
    }
    const others = free.get(type) ?? range.free(present.values());
    free.set(type, others);
    const next = others.next();
    if (next.done) without.push(record);
    else vips.set(record, next.value);
  }
  return { vips, without };
}
