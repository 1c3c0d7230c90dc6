import { equalJson, commonProtocol, parseProtocol, tag, type Protocol, type ServiceProtocolSpec } from "@atoll/resource";
import type { Tags } from "@atoll/policy";

export interface ProtocolRequest {
  /** Tag sets of all that has a service of the mesh, ready or not, in any zone. */
  tagSets: Iterable<Tags>;
  /** Records as they are in the log, by service. */
  present: ReadonlyMap<string, { spec: ServiceProtocolSpec; modificationTime: string }>;
  /** How many services that nobody has are remembered; the longest unused are forgotten first. */
  keepUnused: number;
}

export interface ProtocolPlan {
  /** Records to write; those that are right already are not among them. */
  put: Map<string, ServiceProtocolSpec>;
  delete: Set<string>;
}

/** What each service speaks, and spoke when it was last there. One that says nothing of it is not remembered. */
export function serviceProtocols({ tagSets, present, keepUnused }: ProtocolRequest): ProtocolPlan {
  const spoken = new Map<string, Set<Protocol | "unknown">>();
  for (const tags of tagSets) {
    const service = tags[tag.service];
    if (!service) continue;
    const protocol = parseProtocol(tags[tag.protocol] ?? "") ?? "unknown";
    const known = spoken.get(service);
    if (known) known.add(protocol);
    else spoken.set(service, new Set([protocol]));
  }
  const plan: ProtocolPlan = { put: new Map(), delete: new Set() };
  for (const [service, protocols] of spoken) {
    const spec = { protocol: commonProtocol([...protocols].sort()) };
    if (spec.protocol === "unknown") {
      if (present.has(service)) plan.delete.add(service);
    } else if (!equalJson(present.get(service)?.spec, spec)) plan.put.set(service, spec);
  }
  const unused = [...present].filter(([service]) => !spoken.has(service)).sort(([, a], [, b]) => newestFirst(a, b));
  for (const [index, [service, { spec }]] of unused.entries()) {
    if (index >= keepUnused) plan.delete.add(service);
    else if (!spec.unused) plan.put.set(service, { protocol: spec.protocol, unused: true });
  }
  return plan;
}

/** Those in use until now first, then the latest given up. */
const newestFirst = (
  one: { spec: ServiceProtocolSpec; modificationTime: string },
  other: { spec: ServiceProtocolSpec; modificationTime: string },
): number =>
  Number(one.spec.unused ?? false) - Number(other.spec.unused ?? false) ||
  (one.modificationTime > other.modificationTime ? -1 : one.modificationTime < other.modificationTime ? 1 : 0);
