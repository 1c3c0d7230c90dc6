import { equalJson, type VirtualIpSpec } from "@atoll/resource";
import { AddressRange } from "./address-range.ts";
import type { WantedName } from "./mesh-names.ts";

/** A record as it is in the log. */
export interface PresentRecord {
  spec: VirtualIpSpec;
  /** RFC 3339; for a record without outbounds, when its name was given up. */
  modificationTime: string;
}

export interface AllocationRequest {
  cidr: string;
  wanted: readonly WantedName[];
  /** By record name. */
  present: ReadonlyMap<string, PresentRecord>;
  /** Names without outbounds that may keep their address; the longest unused are forgotten first. */
  keepUnused: number;
}

export interface AllocationPlan {
  /** Records to write; those that are right already are not among them. */
  put: Map<string, VirtualIpSpec>;
  delete: Set<string>;
  /** Names for which there was no address left. */
  without: string[];
}

/**
 * Gives each wanted name an address of the range: the one it has, or had; else the lowest that no name has. A name that is not wanted any
 * more keeps its address until the range is used up.
 */
export function allocateAddresses({ cidr, wanted, present, keepUnused }: AllocationRequest): AllocationPlan {
  const range = new AddressRange(cidr);
  const plan: AllocationPlan = { put: new Map(), delete: new Set(), without: [] };
  const taken = new Map<string, string>();
  for (const [record, { spec }] of present) if (range.includes(spec.address)) taken.set(spec.address, record);
  for (const { record, fixedAddress } of wanted)
    if (fixedAddress !== undefined && !taken.has(fixedAddress)) taken.set(fixedAddress, record);
  const holds = (record: string, { address }: VirtualIpSpec): boolean => taken.get(address) === record;

  const wantedRecords = new Set(wanted.map(({ record }) => record));
  const unused = [...present].filter(([record]) => !wantedRecords.has(record)).sort(byAge);
  const kept: typeof unused = [];
  for (const [record, one] of unused) {
    if (kept.length < keepUnused && holds(record, one.spec)) {
      kept.push([record, one]);
      continue;
    }
    plan.delete.add(record);
    if (holds(record, one.spec)) taken.delete(one.spec.address);
  }

  const free = lowestFree(range, taken);
  for (const { record, fixedAddress, domains, outbounds } of wanted) {
    const before = present.get(record)?.spec;
    const address = fixedAddress ?? (before && holds(record, before) ? before.address : (free() ?? reclaim(kept, plan)));
    if (address === undefined) {
      plan.without.push(record);
      if (before) plan.delete.add(record);
      continue;
    }
    if (fixedAddress === undefined) taken.set(address, record);
    const spec = { address, domains, outbounds };
    if (!equalJson(before, spec)) plan.put.set(record, spec);
  }
  for (const [record, { spec }] of kept) {
    if (spec.outbounds.length > 0) plan.put.set(record, { address: spec.address, domains: [], outbounds: [] });
  }
  return plan;
}

/** Those in use until now first, then the latest given up. */
const byAge = ([a, one]: [string, PresentRecord], [b, other]: [string, PresentRecord]): number =>
  Number(other.spec.outbounds.length > 0) - Number(one.spec.outbounds.length > 0) ||
  compare(other.modificationTime, one.modificationTime) ||
  compare(a, b);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function lowestFree(range: AddressRange, taken: ReadonlyMap<string, string>): () => string | undefined {
  const addresses = range[Symbol.iterator]();
  return () => {
    for (;;) {
      const { done, value } = addresses.next();
      if (done) return undefined;
      if (!taken.has(value)) return value;
    }
  };
}

/** The address of the name that has been without use for longest. */
function reclaim(kept: [string, PresentRecord][], plan: AllocationPlan): string | undefined {
  const last = kept.pop();
  if (last === undefined) return undefined;
  plan.delete.add(last[0]);
  return last[1].spec.address;
}
