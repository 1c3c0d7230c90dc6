import { isShownInZones, remoteServiceOf } from "@atoll/api";
import { homeOf, isCarried, isSecretType, type Place } from "@atoll/kubernetes";
import type { WatchedReader, ZoneReplicaSet } from "@atoll/replica";
import {
  copyFromGlobal,
  copyFromZone,
  type Kind,
  kindOf,
  kinds,
  parseKeyString,
  type Resource,
  serviceRecordType,
  type ServiceRecordSpec,
} from "@atoll/resource";
import type { Stored } from "./stored-resources.ts";

/** Resources that are to be objects of this cluster, and where they come from. */
export interface MirrorSource {
  /** Everything, under keys of this source's own. */
  all(): Iterable<readonly [key: string, shown: Resource]>;
  /** What a key is now. */
  get(key: string): Resource | undefined;
  watch(listener: (keys: readonly string[]) => void): () => void;
}

type Show = (home: Resource, kind: Kind) => Resource | undefined;

function sourceOf(name: string, reader: WatchedReader, show: Show): MirrorSource {
  const shown = (home: Resource | undefined): Resource | undefined => {
    const kind = home && kindOf(home.type);
    return kind === undefined || kind.readOnly || kind.internal ? undefined : show(home!, kind);
  };
  return {
    *all() {
      for (const { type } of kinds) {
        for (const home of reader.list(type)) {
          const resource = shown(home);
          if (resource !== undefined) yield [`${name}|${type}/${home.mesh}/${home.name}`, resource];
        }
      }
    },
    get(key) {
      const { type, mesh, name: own } = parseKeyString(key.slice(name.length + 1));
      return shown(reader.get(type, mesh, own));
    },
    watch: (listener) => reader.watch(({ keys }) => listener(keys.map((key) => `${name}|${key}`))),
  };
}

/** Secrets as they were written; undefined for those whose key this process has not. */
export type Reveal = (resource: Resource) => Resource | undefined;

/** What a zone shows of global's, under its synced names. */
function globalsResources(config: WatchedReader, reveal: Reveal): MirrorSource {
  return sourceOf("global", config, (home, kind) => {
    if (!kind.sync.globalToZone || !isShownInZones(home)) return undefined;
    const revealed = isSecretType(home.type) ? reveal(home) : home;
    return revealed && { ...revealed, ...copyFromGlobal(revealed) };
  });
}

/** MeshServices of other zones, as this one knows them. */
function otherZonesServices(zone: WatchedReader): MirrorSource {
  const shown = (record: Resource<ServiceRecordSpec> | undefined) => record && remoteServiceOf(record);
  return {
    *all() {
      for (const record of zone.list<ServiceRecordSpec>(serviceRecordType)) {
        const service = shown(record);
        if (service !== undefined) yield [`services|${serviceRecordType}/${record.mesh}/${record.name}`, service];
      }
    },
    get(key) {
      const { type, mesh, name } = parseKeyString(key.slice("services|".length));
      return shown(zone.get<ServiceRecordSpec>(type, mesh, name));
    },
    watch: (listener) =>
      zone.watch(({ keys }) => {
        const records = keys.filter((key) => key.startsWith(`${serviceRecordType}/`)).map((key) => `services|${key}`);
        if (records.length > 0) listener(records);
      }),
  };
}

/** What the control plane made itself where objects are at home: default policies, signing keys, CAs, zones. */
const ownResources = (config: WatchedReader, place: Place, reveal: Reveal): MirrorSource =>
  sourceOf("own", config, (home, kind) => {
    if (homeOf(kind, place) !== "config" || isCarried(home)) return undefined;
    return isSecretType(home.type) ? reveal(home) : home;
  });

/** What global shows of a zone's, under its synced names. */
function zonesResources(zones: ZoneReplicaSet): MirrorSource {
  const show =
    (zone: string): Show =>
    (home, kind) => {
      if (!kind.sync.zoneToGlobal) return undefined;
      const isZoneProxy = home.type === "ZoneIngress" || home.type === "ZoneEgress";
      return { ...home, ...copyFromZone(home, zone), ...(isZoneProxy && { spec: { ...(home.spec as object), zone } }) };
    };
  // A zone whose log begins to be read later is found by its first change.
  const sourceFor = (zone: string): MirrorSource | undefined => {
    const reader = zones.reader(zone);
    return reader && sourceOf(`zone ${zone}`, { ...bound(reader), watch: () => () => {} }, show(zone));
  };
  return {
    *all() {
      for (const zone of zones.names()) yield* sourceFor(zone)?.all() ?? [];
    },
    get: (key) => sourceFor(key.slice("zone ".length, key.indexOf("|")))?.get(key),
    watch: (listener) => zones.watch(({ zone, keys }) => listener(keys.map((key) => `zone ${zone}|${key}`))),
  };
}

const bound = (reader: Pick<WatchedReader, "get" | "list">): Pick<WatchedReader, "get" | "list"> => ({
  get: (type, mesh, name) => reader.get(type, mesh, name),
  list: (type, mesh) => reader.list(type, mesh),
});

export interface MirrorSourcesOptions {
  readonly place: Place;
  readonly stored: Stored;
  /** On global. */
  readonly zones?: ZoneReplicaSet;
  readonly reveal: Reveal;
}

/** Everything that is written into the cluster from the log, by where the cluster stands. */
export function mirrorSources({ place, stored, zones, reveal }: MirrorSourcesOptions): MirrorSource[] {
  const { config, zone } = stored;
  if (place.mode === "zone") return [globalsResources(config!, reveal), otherZonesServices(zone!)];
  return [ownResources(config!, place, reveal), ...(zones ? [zonesResources(zones)] : [])];
}
