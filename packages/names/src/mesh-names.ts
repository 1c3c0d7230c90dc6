import { isIP } from "node:net";
import { dataplanePolicies, type Tags } from "@atoll/policy";
import {
  isDnsName,
  splitHostPort,
  tag,
  type ExternalServiceSpec,
  type MeshGatewaySpec,
  type Resource,
  type VirtualIpSpec,
  type VirtualOutboundSpec,
} from "@atoll/resource";
import type { ClusterAddress } from "./cluster-addresses.ts";
import { NameTable, type Name, type NameConflict } from "./name-table.ts";
import { virtualOutboundOffer } from "./virtual-outbound-offer.ts";

export type { NameConflict } from "./name-table.ts";

export interface NameSettings {
  /** What service names and generated names end with. */
  domain: string;
  /** Whether every service has a name. */
  serviceVipEnabled: boolean;
  /** The port on which a service that asks for none of its own is reached. */
  serviceVipPort: number;
}

export interface NameInput {
  settings: NameSettings;
  mesh: string;
  /** Of instances in any zone that get names, each once, in an order that is the same everywhere (`TagSets.named`). */
  tagSets: readonly Tags[];
  /** Where services are called by addresses that a Kubernetes cluster gave them. */
  clusterAddresses?: readonly ClusterAddress[];
  externalServices: readonly Resource<ExternalServiceSpec>[];
  virtualOutbounds: readonly Resource<VirtualOutboundSpec>[];
  /** Of all meshes: cross-mesh listeners have names in each. */
  meshGateways: readonly Resource<MeshGatewaySpec>[];
}

/** A name that somebody offers. */
export interface WantedName extends Omit<VirtualIpSpec, "address"> {
  record: string;
  /** An IP address that is called by itself; absent = one has to be allocated. */
  fixedAddress?: string;
}

export interface MeshNames {
  /** In the order in which addresses are given out: services, hosts, then full names, each sorted. */
  names: WantedName[];
  conflicts: NameConflict[];
  /** Tag sets that a VirtualOutbound matches and has no name for. */
  unnamed: Unnamed[];
}

export interface Unnamed {
  /** Of the VirtualOutbound. */
  policy: string;
  tags: Tags;
  reason: string;
}

/** Envoy refuses a DNS table with any other name in it. */
const servableName = /^[A-Za-z0-9._-]+$/;

/**
 * Which names a mesh has in a zone and where they lead (dataplane.md 3.5); no addresses yet. Where several ask for one port of a name, the
 * first has it: instances by their tags, then external services by name, then gateways. So every zone decides alike, and a new one like
 * one that has been there for long.
 */
export function meshNames(input: NameInput): MeshNames {
  const { settings, tagSets, clusterAddresses = [], externalServices, virtualOutbounds, meshGateways } = input;
  const table = new NameTable();
  const unnamed: Unnamed[] = [];

  for (const tags of tagSets) {
    const service = tags[tag.service]!;
    if (settings.serviceVipEnabled) table.add("service", service, { port: 0, tags: { [tag.service]: service }, origin: "service" });
    addVirtualOutbounds(table, virtualOutbounds, tags, unnamed);
  }
  for (const { address, port, tags } of clusterAddresses) table.add("host", address, { port, tags, origin: "kubernetes" });
  for (const external of externalServices.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    addExternalService(table, external, { virtualOutbounds, settings, unnamed });
  }
  for (const gateway of meshGateways) addCrossMeshListeners(table, gateway, settings.domain);

  return { names: table.names().flatMap((name) => render(name, settings)), conflicts: table.conflicts, unnamed };
}

function addVirtualOutbounds(table: NameTable, virtualOutbounds: NameInput["virtualOutbounds"], tags: Tags, unnamed: Unnamed[]): void {
  for (const policy of dataplanePolicies(virtualOutbounds, [tags])) {
    const made = virtualOutboundOffer(policy, tags);
    if ("offer" in made) table.add("fqdn", made.host, made.offer);
    else unnamed.push({ policy: policy.name, tags, reason: made.reason });
  }
}

function addExternalService(
  table: NameTable,
  { name, spec }: Resource<ExternalServiceSpec>,
  { virtualOutbounds, settings, unnamed }: Pick<NameInput, "virtualOutbounds" | "settings"> & { unnamed: Unnamed[] },
): void {
  const service = spec.tags?.[tag.service];
  const address = splitHostPort(spec.networking?.address ?? "");
  if (!service || !address) return;
  const tags = { [tag.service]: service };
  const port = Number(address.port);
  if (settings.serviceVipEnabled) table.add("service", service, { port, tags, origin: "service" });
  if (!spec.networking?.disableHostDNSEntry) table.add("host", address.host, { port, tags, origin: `external-service:${name}` });
  addVirtualOutbounds(table, virtualOutbounds, tags, unnamed);
}

function addCrossMeshListeners(table: NameTable, { mesh, name, spec }: Resource<MeshGatewaySpec>, domain: string): void {
  for (const { crossMesh, hostname = "", port, tags } of spec.conf?.listeners ?? []) {
    if (!crossMesh) continue;
    const host = hostname === "" || hostname.includes("*") ? `internal.${name}.${mesh}.${domain}` : hostname;
    for (const { match } of spec.selectors) {
      const destination = { ...spec.tags, ...tags, [tag.mesh]: mesh, ...match };
      table.add("fqdn", host, { port, tags: destination, origin: `mesh-gateway:${mesh}:${name}:${host}` });
    }
  }
}

function render({ kind, name, offers }: Name, settings: NameSettings): WantedName[] {
  const record = `${kind}:${name}`;
  const first = offers[0];
  if (first === undefined) return [];
  if (kind === "service") {
    // Only the lowest port counts, and besides it every service is reached on one that all have in common.
    const ports = [...new Set([first.port, settings.serviceVipPort])].filter((port) => port !== 0);
    const dotted = name.replaceAll("_", ".");
    const domains = [...new Set([name, dotted])].map((label) => `${label}.${settings.domain}`).filter((one) => servableName.test(one));
    return [{ record, domains, outbounds: ports.map((port) => ({ ...first, port })) }];
  }
  const domains = isIP(name) || !isDnsName(name) ? [] : [name];
  const outbounds = offers.filter(({ port }) => port !== 0);
  if (kind === "host" && domains.length > 0 && !offers.some(({ port }) => port === settings.serviceVipPort)) {
    outbounds.push({ ...first, port: settings.serviceVipPort });
  }
  return [{ record, ...(isIP(name) ? { fixedAddress: name } : {}), domains, outbounds }];
}
