import { type InventoryEntry, type InventoryIngress, type InventoryKey } from "@atoll/inventory";
import { decodeJson } from "@atoll/replica";
import { keyString, parseKeyString, type Resource, type ResourceKey } from "@atoll/resource";

/**
 * Records of `atoll.inventory.<zone>`, by key:
 * `entry/<inventory key>` an InventoryEntry without its zone · `ingress/<name>` where an ingress is reached ·
 * `resource/<type>/<mesh>/<name>` what the zone wrote for other zones, too (`SharedResource`) ·
 * `heartbeat` the zone's sync service is alive · `liveness` which other zones it judges dead.
 */
export const heartbeatKey = "heartbeat";
export const livenessKey = "liveness";
const entryPrefix = "entry/";
const ingressPrefix = "ingress/";
const resourcePrefix = "resource/";

/** A resource of a zone that other zones have as well, as it is at home; without what the zone alone observes of it. */
export type SharedResource = Pick<Resource, "type" | "mesh" | "name" | "labels" | "spec" | "creationTime">;

export interface Heartbeat {
  /** RFC 3339, by the clock of the zone: to be shown, never to be compared with another clock. */
  at: string;
  /** Revision of the configuration that the zone has, and the checksum of its state there. */
  revision: number;
  checksum: string;
}

export interface LivenessVerdict {
  /** Sorted. */
  dead: readonly string[];
}

/** What one record says. `value` undefined = it is gone. */
export type InventoryRecord =
  | { kind: "entry"; key: string; value: InventoryEntry | undefined }
  | { kind: "ingress"; name: string; value: InventoryIngress | undefined }
  | { kind: "resource"; key: string; value: SharedResource | undefined }
  | { kind: "heartbeat"; value: Heartbeat | undefined }
  | { kind: "liveness"; value: LivenessVerdict | undefined };

export const entryRecordKeyOf = (key: InventoryKey): string => entryPrefix + key;
export const ingressRecordKey = (name: string): string => ingressPrefix + name;
export const resourceRecordKey = (resource: ResourceKey): string => resourcePrefix + keyString(resource);

const afterPrefix = (text: string, prefix: string): string | undefined => (text.startsWith(prefix) ? text.slice(prefix.length) : undefined);
/** What a record of an offer is of; undefined if it is of another kind. */
export const entryKeyOf = (record: string): InventoryKey | undefined => afterPrefix(record, entryPrefix);
export const ingressNameOf = (record: string): string | undefined => afterPrefix(record, ingressPrefix);
export function resourceKeyOf(record: string): ResourceKey | undefined {
  const key = afterPrefix(record, resourcePrefix);
  return key === undefined ? undefined : parseKeyString(key);
}

/** True for what a zone offers: the part of its topic that is computed from its resources. */
export const isOffer = (key: string): boolean =>
  key.startsWith(entryPrefix) || key.startsWith(ingressPrefix) || key.startsWith(resourcePrefix);

/**
 * undefined for keys of a kind this version does not know.
 * @throws Error with the reason when the value is unreadable.
 */
export function decodeInventoryRecord(zone: string, key: string, value: Uint8Array | null): InventoryRecord | undefined {
  const content = value === null ? undefined : decodeJson(value);
  if (content !== undefined && (typeof content !== "object" || content === null)) throw new Error(`${key}: not an object`);
  if (key.startsWith(entryPrefix)) {
    const entry = content as InventoryEntry | undefined;
    if (entry && (typeof entry.mesh !== "string" || typeof entry.tags !== "object" || typeof entry.instances !== "number")) {
      throw new Error(`${key}: mesh, tags and instances are needed`);
    }
    return { kind: "entry", key: key.slice(entryPrefix.length), value: entry && { ...entry, zone } };
  }
  if (key.startsWith(ingressPrefix)) {
    const name = key.slice(ingressPrefix.length);
    const ingress = content as InventoryIngress | undefined;
    if (ingress && (typeof ingress.advertisedAddress !== "string" || typeof ingress.advertisedPort !== "number")) {
      throw new Error(`${key}: advertisedAddress and advertisedPort are needed`);
    }
    return { kind: "ingress", name, value: ingress && { ...ingress, zone, name } };
  }
  if (key.startsWith(resourcePrefix)) {
    const resource = content as SharedResource | undefined;
    if (resource && (resourceRecordKey(resource) !== key || typeof resource.spec !== "object")) {
      throw new Error(`${key}: type, mesh and name of the key, and a spec are needed`);
    }
    return { kind: "resource", key: key.slice(resourcePrefix.length), value: resource };
  }
  if (key === heartbeatKey) return { kind: "heartbeat", value: content as Heartbeat | undefined };
  if (key === livenessKey) return { kind: "liveness", value: content as LivenessVerdict | undefined };
  return undefined;
}
