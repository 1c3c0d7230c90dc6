import { createHash } from "node:crypto";
import { entryContent } from "./entry-content.ts";
import { inventoryKey } from "./inventory-key.ts";
import type { InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";

/**
 * An inventory is one hash in Redis: it changes in one transaction, lies on one node of a cluster, and is there as a whole or not at all.
 * Fields: `zones` (JSON, zone -> digest of its content), `entry/<zone>/<key>`, `ingress/<zone>/<name>`.
 * The channel beside it carries `InventoryMessage`s.
 */
export interface RedisLayout {
  hash: string;
  changes: string;
}

export const zonesField = "zones";

export type Kind = "entry" | "ingress";

export const fieldOf = (kind: Kind, zone: string, key: string): string => `${kind}/${zone}/${key}`;

/** A zone's name has no slash, a key may have some. */
export function splitField(field: string): [kind: string, zone: string, key: string] {
  const [kind = "", zone = "", ...key] = field.split("/");
  return [kind, zone, key.join("/")];
}

/** `name` keeps the inventories of several owners in one Redis apart. */
export function redisLayout(name: string): RedisLayout {
  return { hash: `{atoll.inventory.${name}}`, changes: `{atoll.inventory.${name}}:changes` };
}

/** Zone -> digest of its content. A zone without content is not there. */
export type Digests = Record<string, string>;

/** What the hash became. `changes` says how, if the reader's zone has the digest `from`; else the hash has to be read. */
export interface InventoryMessage {
  digests: Digests;
  changes?: ZoneChanges[];
}

export interface ZoneChanges {
  zone: string;
  /** "" = without content. */
  from: string;
  /** Texts by key; null = gone. */
  entry: Record<InventoryKey, string | null>;
  ingress: Record<string, string | null>;
}

/** Equal entries have equal texts. */
export const encodeEntry = (entry: InventoryEntry): string => JSON.stringify(entryContent(entry));
export const decodeEntry = (zone: string, text: string): InventoryEntry => ({
  zone,
  ...(JSON.parse(text) as Omit<InventoryEntry, "zone">),
});
export const encodeIngress = ({ advertisedAddress, advertisedPort, networking }: InventoryIngress): string =>
  JSON.stringify({ advertisedAddress, advertisedPort, ...(networking && { networking }) });
export const decodeIngress = (zone: string, name: string, text: string): InventoryIngress => ({
  zone,
  name,
  ...(JSON.parse(text) as Omit<InventoryIngress, "zone" | "name">),
});

/** The content of one zone as texts, with a digest that does not depend on how it came about. */
export class ZoneTexts {
  readonly entry = new Map<InventoryKey, string>();
  readonly ingress = new Map<string, string>();
  #digest = 0n;

  static of({ entries, ingresses }: { entries: readonly InventoryEntry[]; ingresses: readonly InventoryIngress[] }): ZoneTexts {
    const texts = new ZoneTexts();
    for (const entry of entries) texts.set("entry", inventoryKey(entry), encodeEntry(entry));
    for (const ingress of ingresses) texts.set("ingress", ingress.name, encodeIngress(ingress));
    return texts;
  }

  /** "" = nothing in it. */
  get digest(): string {
    return this.entry.size + this.ingress.size === 0 ? "" : this.#digest.toString(16).padStart(16, "0");
  }

  /** False if that is what was there. */
  set(kind: Kind, key: string, text: string | null): boolean {
    const before = this[kind].get(key);
    if ((before ?? null) === text) return false;
    if (before !== undefined) this.#digest ^= hashOf(kind, key, before);
    if (text === null) this[kind].delete(key);
    else {
      this[kind].set(key, text);
      this.#digest ^= hashOf(kind, key, text);
    }
    return true;
  }
}

const hashOf = (kind: Kind, key: string, text: string): bigint =>
  createHash("sha1").update(`${kind}\0${key}\0${text}`).digest().readBigUInt64BE();
