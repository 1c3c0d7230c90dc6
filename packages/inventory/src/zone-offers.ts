import type { Resource } from "@atoll/resource";
import { inventoryKey } from "./inventory-key.ts";
import type { DataplaneIntent, ExternalServiceIntent, MeshGatewayIntent, MeshIntent, Tags } from "./intents.ts";
import type { InventoryEntry, InventoryKey } from "./inventory.ts";
import { selectGateway } from "./select-gateway.ts";

export interface AvailabilityInput {
  zone: string;
  meshes: readonly Resource<MeshIntent>[];
  /** Of this zone. */
  dataplanes: readonly Resource<DataplaneIntent>[];
  /** Whose streams have all ended; absent = nobody's. */
  isGone?: (dataplane: Resource<DataplaneIntent>) => boolean;
  externalServices: readonly Resource<ExternalServiceIntent>[];
  meshGateways: readonly Resource<MeshGatewayIntent>[];
}

const serviceTag = "kuma.io/service";
const zoneTag = "kuma.io/zone";
const meshTag = "kuma.io/mesh";

/** What one Dataplane, or one ExternalService, adds to an entry. */
interface Share {
  key: InventoryKey;
  mesh: string;
  tags: Tags;
  as: "ready" | "gone" | "unready" | "asked" | "external";
}

type Tally = Pick<Share, "mesh" | "tags"> & Record<Share["as"], number>;

/** The entries of a zone's offers, each counted from who has a share in it, so that a Dataplane that changes costs its own shares alone. */
export class ZoneOffers {
  readonly #zone: string;
  readonly #meshes: ReadonlyMap<string, MeshIntent>;
  readonly #gatewaysOf = new Map<string, Resource<MeshGatewayIntent>[]>();
  readonly #tallies = new Map<InventoryKey, Tally>();
  readonly #sharesOf = new Map<string, readonly Share[]>();

  constructor(input: AvailabilityInput) {
    this.#zone = input.zone;
    this.#meshes = new Map(input.meshes.map((mesh) => [mesh.name, mesh.spec]));
    for (const gateway of input.meshGateways) {
      const ofMesh = this.#gatewaysOf.get(gateway.mesh);
      if (ofMesh) ofMesh.push(gateway);
      else this.#gatewaysOf.set(gateway.mesh, [gateway]);
    }
    for (const dataplane of input.dataplanes) {
      this.setDataplane(dataplane.mesh, dataplane.name, dataplane, input.isGone?.(dataplane) ?? false);
    }
    for (const external of input.externalServices) {
      const mesh = this.#meshes.get(external.mesh);
      const tags = external.spec.tags ?? {};
      if (!mesh || !mesh.routing?.zoneEgress || isExclusive(mesh) || tags[zoneTag] !== this.#zone) continue;
      const key = inventoryKey({ mesh: external.mesh, tags, externalService: true });
      this.#add({ key, mesh: external.mesh, tags, as: "external" }, 1);
    }
  }

  keys(): Iterable<InventoryKey> {
    return this.#tallies.keys();
  }

  /** undefined if nobody has a share in it. */
  entry(key: InventoryKey): InventoryEntry | undefined {
    const tally = this.#tallies.get(key);
    if (!tally) return undefined;
    const { mesh, tags, ready, gone, unready, external } = tally;
    const entry = { zone: this.#zone, mesh, tags: { ...tags }, instances: ready + gone + external };
    if (entry.instances > 0) return { ...entry, ...(gone > 0 && { gone }), ...(external > 0 && { externalService: true }) };
    return unready > 0 ? { ...entry, unready: true } : entry;
  }

  /** The Dataplane as it is now; undefined = it is gone for good. Tells which entries may be others. */
  setDataplane(mesh: string, name: string, dataplane: Resource<DataplaneIntent> | undefined, gone: boolean): Set<InventoryKey> {
    const id = `${mesh}/${name}`;
    const before = this.#sharesOf.get(id) ?? [];
    const now = dataplane ? this.#sharesIn(dataplane, gone) : [];
    for (const share of now) this.#add(share, 1);
    for (const share of before) this.#add(share, -1);
    if (now.length > 0) this.#sharesOf.set(id, now);
    else this.#sharesOf.delete(id);
    return new Set([...before, ...now].map(({ key }) => key));
  }

  #add({ key, mesh, tags, as }: Share, count: number): void {
    let tally = this.#tallies.get(key);
    if (!tally) this.#tallies.set(key, (tally = { mesh, tags, ready: 0, gone: 0, unready: 0, asked: 0, external: 0 }));
    tally[as] += count;
    if (tally.ready + tally.gone + tally.unready + tally.asked + tally.external === 0) this.#tallies.delete(key);
  }

  #sharesIn(dataplane: Resource<DataplaneIntent>, gone: boolean): Share[] {
    const { mesh } = dataplane;
    const settings = this.#meshes.get(mesh);
    if (!settings) return [];
    const serving = gone ? "gone" : "ready";
    const shares: Share[] = [];
    if (!isExclusive(settings)) {
      for (const { key, tags, ready } of inboundsOf(dataplane)) shares.push({ key, mesh, tags, as: ready ? serving : "unready" });
      for (const asking of askedFor(dataplane)) shares.push({ ...asking, as: "asked" });
    }
    const gateway = dataplane.spec.networking?.gateway;
    const candidates = this.#gatewaysOf.get(mesh);
    if (gateway?.type !== "BUILTIN" || !candidates) return shares;
    for (const tags of crossMeshListeners(mesh, gateway.tags ?? {}, candidates)) {
      shares.push({ key: inventoryKey({ mesh, tags }), mesh, tags, as: serving });
    }
    return shares;
  }
}

function inboundsOf(dataplane: Resource<DataplaneIntent>): { key: InventoryKey; tags: Tags; ready: boolean }[] {
  return (dataplane.spec.networking?.inbound ?? [])
    .filter(({ state }) => state !== "Ignored")
    .map(({ tags = {}, state, health }) => ({
      key: inventoryKey({ mesh: dataplane.mesh, tags }),
      tags,
      ready: (state ?? "Ready") === "Ready" && (health === undefined || health.ready === true),
    }))
    .filter(({ tags }) => tags[serviceTag] !== undefined);
}

/** Outbounds that name more than a service, of this mesh or of another. */
function askedFor(dataplane: Resource<DataplaneIntent>): { key: InventoryKey; mesh: string; tags: Tags }[] {
  return (dataplane.spec.networking?.outbound ?? [])
    .map(({ tags: { [meshTag]: mesh = dataplane.mesh, ...tags } = {} }) => ({ key: inventoryKey({ mesh, tags }), mesh, tags }))
    .filter(({ tags }) => tags[serviceTag] !== undefined && Object.keys(tags).length > 1);
}

function crossMeshListeners(mesh: string, proxyTags: Tags, gateways: readonly Resource<MeshGatewayIntent>[]): Tags[] {
  const selected = selectGateway(gateways, proxyTags);
  if (!selected) return [];
  return (selected.gateway.spec.conf?.listeners ?? [])
    .filter((listener) => listener.crossMesh)
    .map((listener) => ({ [meshTag]: mesh, ...proxyTags, ...selected.gateway.spec.tags, ...listener.tags }));
}

const isExclusive = (mesh: MeshIntent): boolean => mesh.meshServices?.mode === "Exclusive";
