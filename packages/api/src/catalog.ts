import {
  type Kind,
  type MeshSpec,
  type Resource,
  type ServiceRecordSpec,
  type VirtualIpSpec,
  copyFromGlobal,
  copyFromOtherZone,
  copyFromZone,
  homeNameOf,
  isOnline,
  isWrittenOnBothSides,
  kindOf,
  label,
  sortedLabels,
  virtualIpType,
} from "@atoll/resource";
import { isOfPresentMesh, type ResourceReader } from "@atoll/replica";
import { carriesObjects, type User } from "./access.ts";
import { zoneIngressView } from "./available-services.ts";
import type { ApiOptions } from "./ports.ts";
import { isServiceType, remoteServices, serviceRecordOf, withStatus } from "./service-status.ts";

/** A resource as this control plane shows it, and where it lives. */
export interface Shown<Spec = unknown> {
  /** Name, labels and spec as shown. */
  resource: Resource<Spec>;
  /** As stored in its log. */
  home: Resource<Spec>;
  /** Zone whose log holds it; undefined = the configuration. */
  zone?: string;
}

/** Global's own, never shown in a zone (controlplane.md 4.5). */
const onlyOnGlobal =
  /^(envoy-admin-ca|inter-cp-ca|admin-user-token|user-token-revocations|user-token-signing-key.*|zone-token-signing-key.*)$/;

/** Does a zone show this resource of global's? */
export const isShownInZones = ({ type, name }: Resource): boolean => type !== "GlobalSecret" || !onlyOnGlobal.test(name);

const byMeshAndName = (a: Shown, b: Shown) => compare(a.resource.mesh, b.resource.mesh) || compare(a.resource.name, b.resource.name);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export type CatalogOptions = Pick<ApiOptions, "settings" | "zones" | "zoneStore" | "producerPolicies" | "inventory" | "zoneInsight"> & {
  config: ResourceReader;
};

/**
 * Everything this control plane shows: on global the configuration and, under their synced names, what the zones' logs hold;
 * in a zone its own log and, under synced names, the configuration.
 */
export class Catalog {
  readonly #options: CatalogOptions;
  /** Synced forms by stored resource: naming hashes, and stored resources never change in place. */
  readonly #synced = new WeakMap<Resource, Resource>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  get(type: string, mesh: string, name: string): Shown | undefined {
    for (const source of this.#sources(type)) {
      const direct = source.reader.get(type, mesh, name);
      if (direct !== undefined && source.visible(direct)) {
        const shown = source.show(direct);
        if (shown.resource.name === name) return shown;
      }
      const home = homeNameOf(name);
      if (home === undefined) continue;
      const guessed = source.reader.get(type, mesh, home);
      if (guessed !== undefined && source.visible(guessed) && source.show(guessed).resource.name === name) return source.show(guessed);
    }
    // Shortened names and rendered resources: rare enough to be looked for.
    const home = homeNameOf(name);
    if (home === undefined && !this.#isRendered(type)) return undefined;
    return this.list(type, mesh).find((shown) => shown.resource.name === name);
  }

  /** Sorted by mesh, then name. Without `mesh`: of all meshes. */
  list(type: string, mesh?: string): Shown[] {
    const shown: Shown[] = [];
    for (const source of this.#sources(type)) {
      for (const resource of source.reader.list(type, mesh)) if (source.visible(resource)) shown.push(source.show(resource));
    }
    shown.push(...this.#rendered(type).filter(({ resource }) => mesh === undefined || resource.mesh === mesh));
    return shown.toSorted(byMeshAndName);
  }

  /** Names of a mesh in a zone, as its log has them; none in a mesh in which MeshServices alone have names. */
  virtualIps(mesh: string, zone: string | undefined): VirtualIpSpec[] {
    const { config, zones, zoneStore } = this.#options;
    if (config.get<MeshSpec>("Mesh", "", mesh)?.spec.meshServices?.mode === "Exclusive") return [];
    const reader = zone === undefined ? undefined : (zones?.reader(zone) ?? zoneStore);
    return (reader?.list<VirtualIpSpec>(virtualIpType, mesh) ?? []).map(({ spec }) => spec);
  }

  /** What each zone that is read here says of a service. */
  serviceRecords({ resource, home, zone }: Shown): { zone: string; record: ServiceRecordSpec }[] {
    const { settings, zones, zoneStore } = this.#options;
    const readers: [string, ResourceReader | undefined][] =
      settings.mode === "global" ? (zones?.names() ?? []).map((one) => [one, zones?.reader(one)]) : [[settings.zone ?? "", zoneStore]];
    // Elsewhere than at home it has its synced name, which global shows of a zone's, and a zone of global's.
    const synced = settings.mode === "global" && zone === undefined ? copyFromGlobal(home).name : resource.name;
    return readers.flatMap(([of, reader]) => {
      const record = serviceRecordOf(reader, resource, of === zone ? home.name : synced);
      return record ? [{ zone: of, record }] : [];
    });
  }

  /** Whether a zone is out of session with global: what was observed there last is no longer so. */
  isAway(zone: string | undefined): boolean {
    const { settings, zoneInsight } = this.#options;
    const insight = settings.mode === "global" && zone !== undefined ? zoneInsight?.(zone) : undefined;
    return insight !== undefined && !isOnline(insight);
  }

  has(type: string, mesh: string, name: string): boolean {
    return this.get(type, mesh, name) !== undefined;
  }

  #sources(type: string): { reader: ResourceReader; visible: (r: Resource) => boolean; show: (r: Resource) => Shown }[] {
    const { settings, config, zones, zoneStore, producerPolicies } = this.#options;
    const always = () => true;
    if (settings.mode === "global") {
      const fromZones = (zones?.names() ?? []).flatMap((zone) => {
        const reader = zones?.reader(zone);
        if (reader === undefined) return [];
        const visible = ({ mesh }: Resource) => isOfPresentMesh(mesh, config, reader);
        return [{ reader, visible, show: (home: Resource) => this.#fromZone(home, zone) }];
      });
      const own = { reader: config, visible: always, show: (home: Resource): Shown => ({ resource: home, home }) };
      return livesInZones(type) ? fromZones : kindOf(type)?.sync.zoneToGlobal === true ? [own, ...fromZones] : [own];
    }
    const zone = settings.zone ?? "";
    const own =
      zoneStore === undefined
        ? []
        : [
            {
              reader: zoneStore,
              visible: always,
              show: (home: Resource): Shown => ({ resource: this.#inZone(this.#ownProxy(home)), home, zone }),
            },
          ];
    if (livesInZones(type)) return own;
    const visible = type === "Zone" ? (r: Resource) => r.name === zone : isShownInZones;
    return [
      ...own,
      { reader: config, visible, show: (home: Resource): Shown => ({ resource: this.#inZone(this.#fromGlobal(home)), home }) },
      ...(producerPolicies
        ? [{ reader: producerPolicies, visible: always, show: (home: Resource): Shown => ({ resource: home, home }) }]
        : []),
    ];
  }

  #fromZone(home: Resource, zone: string): Shown {
    let resource = this.#synced.get(home);
    if (resource === undefined) {
      const spec = home.type === "ZoneIngress" || home.type === "ZoneEgress" ? { zone, ...withoutZone(home.spec) } : home.spec;
      resource = { ...home, ...copyFromZone(home, zone), spec };
      this.#synced.set(home, resource);
    }
    if (home.type === "ZoneIngress") return { resource: this.#withServices(resource, zone), home, zone };
    if (isServiceType(home.type)) resource = withStatus(resource, serviceRecordOf(this.#options.zones?.reader(zone), home, home.name));
    return { resource, home, zone };
  }

  /** As a zone's proxies know it: with what the zone gave it. */
  #inZone(shown: Resource): Resource {
    return isServiceType(shown.type) ? withStatus(shown, serviceRecordOf(this.#options.zoneStore, shown, shown.name)) : shown;
  }

  #fromGlobal(home: Resource): Resource {
    if (home.type === "Zone") return home;
    let resource = this.#synced.get(home);
    if (resource === undefined) {
      resource = { ...home, ...copyFromGlobal(home) };
      this.#synced.set(home, resource);
    }
    return resource;
  }

  #ownProxy(home: Resource): Resource {
    return home.type === "ZoneIngress" ? this.#withServices(home, this.#options.settings.zone ?? "") : home;
  }

  #withServices(ingress: Resource, zone: string): Resource {
    return { ...ingress, spec: zoneIngressView(ingress.spec, this.#options.inventory.entries(zone)) };
  }

  #isRendered(type: string): boolean {
    return this.#options.settings.mode === "zone" && (type === "ZoneIngress" || type === "GlobalSecret" || type === "MeshService");
  }

  /** What a zone knows only from elsewhere than its logs: other zones' ingresses, and keys that verify zone tokens. */
  #rendered(type: string): Shown[] {
    if (!this.#isRendered(type)) return [];
    if (type === "MeshService") return remoteServices(this.#options.zoneStore).map((resource) => ({ resource, home: resource, zone: "" }));
    return type === "ZoneIngress" ? this.#otherIngresses() : this.#publicKeys();
  }

  #otherIngresses(): Shown[] {
    const { settings, inventory } = this.#options;
    return inventory
      .zones()
      .filter((zone) => zone !== settings.zone)
      .flatMap((zone) =>
        inventory.ingresses(zone).map(({ name, advertisedAddress, advertisedPort, networking }) => {
          const own = { type: "ZoneIngress", mesh: "", name };
          const copy = copyFromOtherZone(own, zone);
          const home: Resource = {
            ...own,
            spec: { zone, networking: { ...networking, advertisedAddress, advertisedPort } },
            labels: copy.labels,
            creationTime: zeroTime,
            modificationTime: zeroTime,
            revision: 0,
          };
          return { resource: this.#withServices({ ...home, name: copy.name }, zone), home, zone };
        }),
      );
  }

  #publicKeys(): Shown[] {
    return this.#options.config
      .list<{ publicKeyPem: string }>("TokenVerificationKey", "")
      .filter(({ name }) => name.startsWith("zone-token-signing-key"))
      .map((key) => {
        const home: Resource = {
          ...key,
          type: "GlobalSecret",
          name: key.name.replace("signing-key", "signing-public-key"),
          spec: { data: Buffer.from(key.spec.publicKeyPem).toString("base64") },
          labels: sortedLabels({ [label.displayName]: key.name, [label.origin]: "global" }),
        };
        return { resource: home, home };
      });
  }
}

export const zeroTime = "0001-01-01T00:00:00Z";

const zoneKinds = new Set(["Dataplane", "DataplaneInsight", "ZoneIngress", "ZoneIngressInsight", "ZoneEgress", "ZoneEgressInsight"]);

/** Kinds that only ever live in the log of a zone. */
export const livesInZones = (type: string) => zoneKinds.has(type);

/** Can this control plane write the kind, for this user? Without one: for everybody. */
export function isWritable(kind: Kind, settings: ApiOptions["settings"], user?: User): boolean {
  if (kind.readOnly || (settings.readOnly && !(user && carriesObjects(user)))) return false;
  if (settings.mode === "global") return kind.writableOn.global;
  return kind.writableOn.zone && isWrittenToZone(kind, settings);
}

/** Does a write go to the zone's own log? What a zone's proxies would not see must not be accepted there. */
export const isWrittenToZone = (kind: Kind, settings: ApiOptions["settings"]): boolean =>
  livesInZones(kind.type) || (settings.mode === "zone" && (kind.plugin || isWrittenOnBothSides(kind)));

const withoutZone = (spec: unknown): object => {
  const { zone: _zone, ...rest } = spec as { zone?: string };
  return rest;
};
