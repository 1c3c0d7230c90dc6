import { MeshDataplanes, planServiceRecords, zoneServices, type SharedService } from "@atoll/names";
import { globalHostnameGenerators, parseDocument, zoneHostnameGenerators } from "@atoll/resource";
import {
  copyFromGlobal,
  serviceProtocolType,
  serviceRecordType,
  virtualIpType,
  type DataplaneInsightSpec,
  type DataplaneSpec,
  type MeshSpec,
  type Resource,
  type ServiceProtocolSpec,
  type ServiceRecordSpec,
  type VirtualIpSpec,
} from "@atoll/resource";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { documentedRules } from "@atoll/policy";
import { buildProxyView, MeshContexts } from "../src/index.ts";
import type { InventoryView, ProxyRef, ProxyView, Reader, ViewOptions } from "../src/index.ts";

type Document = Record<string, unknown> & { type: string; creationTime?: string };
type ZoneOffer = { ingresses?: { advertisedAddress: string; advertisedPort: number }[]; entries?: ReturnType<InventoryView["entries"]> };

/** A golden case: what a zone knows, and the proxy to build. */
export interface World {
  /** Says what the case is for. */
  about?: string;
  zone: string;
  /** A file of `testdata/base` whose parts come first. */
  base?: string;
  /** Configuration and this zone's own resources, as a user writes them. Later documents replace earlier ones. */
  resources?: Document[];
  /** `Type/name` of base documents to leave out. */
  without?: string[];
  /** Offers of the other zones. */
  inventory?: Record<string, ZoneOffer>;
  options?: { liveZones?: string[]; tlsReadyServices?: string[]; rules?: "documented"; addresses?: Record<string, string> };
  /** Records of names by mesh and record, as the zone's sync service writes them. */
  names?: Record<string, Record<string, VirtualIpSpec>>;
  /** MeshServices of other zones, by mesh, as the zone's sync service knows them. */
  shared?: Record<string, SharedService[]>;
  /** Names of Dataplanes whose proxies have a certificate of their mesh. */
  certified?: string[];
  /** What services spoke, by mesh and service, as the zone's sync service remembers it. */
  protocols?: Record<string, Record<string, ServiceProtocolSpec>>;
  /** `Type/name` of proxies whose streams have all ended. */
  gone?: string[];
  proxy: ProxyRef;
}

const at = new Date(0).toISOString();
const times = { creationTime: at, modificationTime: at, revision: 0 };
const folder = join(import.meta.dirname, "..", "testdata", "base");
const zoneTypes = new Set(["Dataplane", "ZoneIngress", "ZoneEgress", "MeshService"]);

/** Written in this zone; what can be written on either side says so by its label. */
const isOwn = ({ type, labels }: Resource): boolean => zoneTypes.has(type) || labels?.["kuma.io/origin"] === "zone";

/** The records of services, as the zone's sync service writes them. */
function serviceRecords({ zone, shared = {}, certified = [] }: Omit<World, "proxy">, config: Reader, zoneResources: Reader): Resource[] {
  const generators = [...zoneHostnameGenerators.universal, ...globalHostnameGenerators.map((one) => ({ ...one, ...copyFromGlobal(one) }))];
  const { put } = planServiceRecords({
    zone,
    cidrs: { MeshService: "241.0.0.0/8", MeshExternalService: "242.0.0.0/8", MeshMultiZoneService: "243.0.0.0/8" },
    meshes: config.list<MeshSpec>("Mesh").map(({ name, spec }) => ({
      ...{ name, hasMutualTls: Boolean(spec.mtls?.enabledBackend), shared: shared[name] ?? [] },
      services: zoneServices(name, { config, zoneResources, shared: shared[name] ?? [] }),
      dataplanes: MeshDataplanes.of(zoneResources.list<DataplaneSpec>("Dataplane", name)),
      insightOf: (dataplane) => (certified.includes(dataplane) ? ({ mTLS: { issuedBackend: "ca" } } as DataplaneInsightSpec) : undefined),
    })),
    generators: generators.map((one) => ({ ...one, creationTime: at })),
    present: [],
    keepUnused: 0,
  });
  return put.map(({ mesh, name, spec }): Resource<ServiceRecordSpec> => ({ type: serviceRecordType, mesh, name, spec, ...times }));
}

export function reader(resources: readonly Resource[]): Reader {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...resources].sort((a, b) => compare(a.mesh, b.mesh) || compare(a.name, b.name));
  return {
    get: <Spec>(type: string, mesh: string, name: string) =>
      sorted.find((one) => one.type === type && one.mesh === mesh && one.name === name) as Resource<Spec> | undefined,
    list: <Spec>(type: string, mesh?: string) =>
      sorted.filter((one) => one.type === type && (mesh === undefined || one.mesh === mesh)) as Resource<Spec>[],
  };
}

/** Parses a document as the API would; created one second after the one before it, unless it says when. */
export function resource(document: Document, index = 0): Resource {
  const parsed = parseDocument(document);
  if (!parsed.ok) throw new Error(`${document.type} is not valid: ${parsed.parseError ?? JSON.stringify(parsed.violations)}`);
  const time = document.creationTime ?? new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
  const labels = document["labels"] as Record<string, string> | undefined;
  return { ...parsed.resource, ...(labels && { labels }), creationTime: time, modificationTime: time, revision: 1 };
}

function recordsOf<Spec>(type: string, byMesh: Record<string, Record<string, Spec>> = {}): Resource[] {
  return Object.entries(byMesh).flatMap(([mesh, records]) =>
    Object.entries(records).map(([name, spec]) => ({ type, mesh, name, spec, ...times })),
  );
}

const goneInsight = ({ type, mesh, name }: Resource): Resource => ({
  ...{ type: `${type}Insight`, mesh, name, ...times },
  spec: { subscriptions: [{ connectTime: at, disconnectTime: at }] },
});

export function contextsOf(world: Omit<World, "proxy">): MeshContexts {
  const base: Partial<World> = world.base ? (JSON.parse(readFileSync(join(folder, `${world.base}.json`), "utf8")) as Partial<World>) : {};
  const inventory: Record<string, ZoneOffer> = { ...base.inventory, ...world.inventory };
  const kept = new Map<string, Resource>();
  [...(base.resources ?? []), ...(world.resources ?? [])].forEach((document, index) => {
    const one = resource(document, index);
    kept.set(`${one.type}/${one.mesh}/${one.name}`, one);
  });
  const without = new Set(world.without ?? []);
  const all = [...kept.values()].filter((one) => !without.has(`${one.type}/${one.name}`));
  const { liveZones, tlsReadyServices, rules, addresses } = world.options ?? {};
  const options: ViewOptions = {
    ...(liveZones ? { liveZones: new Set(liveZones) } : {}),
    ...(tlsReadyServices ? { tlsReadyServices: new Set(tlsReadyServices) } : {}),
    ...(rules ? { rules: documentedRules } : {}),
    ...(addresses ? { addresses: new Map(Object.entries(addresses)) } : {}),
  };
  const own = all.filter(isOwn);
  const gone = own.filter(({ type, name }) => world.gone?.includes(`${type}/${name}`)).map(goneInsight);
  const config = reader(all.filter((one) => !isOwn(one)));
  const inputs = {
    zone: world.zone,
    config,
    zoneResources: reader([
      ...own,
      ...gone,
      ...serviceRecords(world, config, reader(own)),
      ...recordsOf(virtualIpType, world.names),
      ...recordsOf(serviceProtocolType, world.protocols),
    ]),
    inventory: {
      zones: () => Object.keys(inventory),
      entries: (zone: string) => inventory[zone]?.entries ?? [],
      ingresses: (zone: string) => inventory[zone]?.ingresses ?? [],
    },
  };
  return new MeshContexts(inputs, options);
}

/** The view, without the parts that are empty. */
export function produce(world: World): { view: Partial<ProxyView> | null } {
  const contexts = contextsOf(world);
  const view = buildProxyView(contexts, world.proxy);
  const shown = view && Object.fromEntries(Object.entries(view).filter(([, value]) => !Array.isArray(value) || value.length > 0));
  return { view: shown ?? null };
}
