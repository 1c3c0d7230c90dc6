import { parseDocument, type DataplaneSpec, type ExternalServiceSpec, type MeshGatewaySpec, type Resource } from "@atoll/resource";
import type { VirtualIpSpec, VirtualOutboundSpec } from "@atoll/resource";
import { golden } from "@atoll/testkit";
import { join } from "node:path";
import { allocateAddresses, ClusterAddresses, clusterAddressesOf, meshNames, TagSets, type NameSettings } from "../src/index.ts";

interface Case {
  /** Says what the case is for. */
  about: string;
  mesh?: string;
  cidr?: string;
  keepUnused?: number;
  settings?: Partial<NameSettings>;
  /** As a user writes them; each is a second younger than the one before. */
  resources?: Record<string, unknown>[];
  remoteTags?: Record<string, string>[];
  /** The records as they are, each given up (if it is) a second after the one before. */
  present?: Record<string, VirtualIpSpec>;
}

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function resourcesOf({ resources = [] }: Case): Resource[] {
  return resources.map((document, index) => {
    const parsed = parseDocument(document);
    if (!parsed.ok) throw new Error(`${String(document["type"])} is not valid: ${parsed.parseError ?? JSON.stringify(parsed.violations)}`);
    return { ...parsed.resource, creationTime: at(index), modificationTime: at(index), revision: 1 };
  });
}

golden<Case>(join(import.meta.dirname, "..", "testdata"), (input) => {
  const { mesh = "default", cidr = "240.0.0.0/4", keepUnused = 1_000, remoteTags = [] } = input;
  const all = resourcesOf(input);
  const list = <Spec>(type: string, of?: string) =>
    all.filter((one) => one.type === type && (of === undefined || one.mesh === of)) as Resource<Spec>[];
  const present = new Map(Object.entries(input.present ?? {}));
  const tagSets = new TagSets();
  const addresses = new ClusterAddresses();
  for (const dataplane of list<DataplaneSpec>("Dataplane", mesh)) {
    tagSets.replaceDataplane(undefined, dataplane.spec);
    addresses.replace([], clusterAddressesOf(dataplane));
  }
  for (const tags of remoteTags) tagSets.add(tags);
  const { names, conflicts, unnamed } = meshNames({
    settings: { domain: "mesh", serviceVipEnabled: true, serviceVipPort: 80, ...input.settings },
    mesh,
    tagSets: tagSets.named(),
    clusterAddresses: addresses.all(),
    externalServices: list<ExternalServiceSpec>("ExternalService", mesh),
    virtualOutbounds: list<VirtualOutboundSpec>("VirtualOutbound", mesh),
    meshGateways: list<MeshGatewaySpec>("MeshGateway"),
  });
  const records = new Map([...present].map(([record, spec], index) => [record, { spec, modificationTime: at(index) }]));
  const plan = allocateAddresses({ cidr, wanted: names, present: records, keepUnused });
  return {
    yaml: {
      put: Object.fromEntries(plan.put),
      ...(plan.delete.size > 0 ? { delete: [...plan.delete] } : {}),
      ...(plan.without.length > 0 ? { withoutAddress: plan.without } : {}),
      ...(conflicts.length > 0 ? { conflicts } : {}),
      ...(unnamed.length > 0 ? { unnamed } : {}),
    },
  };
});
