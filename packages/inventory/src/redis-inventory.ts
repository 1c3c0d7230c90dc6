import { inventoryKey } from "./inventory-key.ts";
import type { Inventory, InventoryChange, InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";
import { MemoryInventory } from "./memory-inventory.ts";
import { connectRedis } from "./redis-connection.ts";
import type { RedisClient, RedisConnectionOptions } from "./redis-connection.ts";
import { ZoneTexts, encodeEntry, encodeIngress, fieldOf, redisLayout, zonesField } from "./redis-layout.ts";
import type { Digests, InventoryMessage, Kind, RedisLayout, ZoneChanges } from "./redis-layout.ts";

export interface RedisInventoryOptions extends RedisConnectionOptions {
  /** Whose inventory it is: the zone that fills it. */
  name: string;
  /** How often Redis is asked whether it still has what was stored. Default 1,000. */
  checkIntervalMs?: number;
  /** Told of a trouble when it begins; the inventory goes on without Redis. */
  onError?: (error: Error) => void;
}

/** More changes at once than this are read from the hash instead of sent to everybody. */
const messageChanges = 200;

/**
 * The inventory that a zone's sync service fills and shares through Redis; its own reads answer from memory, whatever becomes of Redis.
 * Redis is a copy that heals: after a restart, FLUSHALL, or when a replica that had fallen behind takes over, what is missing is stored
 * again, and whoever reads the copy notices no change. Any number of processes that follow the same log may fill it.
 */
export class RedisInventory implements Inventory {
  readonly #memory: MemoryInventory;
  readonly #redis: RedisClient;
  readonly #layout: RedisLayout;
  readonly #onError: (error: Error) => void;
  readonly #zones = new Map<string, ZoneTexts>();
  /** Not yet in Redis, by zone. */
  #unsaved = new Map<string, ZoneChanges>();
  /** What is in Redis and not from here, since the last check. */
  #foreign: Digests = {};
  /** Redis has something else than what the changes build on: everything has to be stored. */
  #isLost = false;
  #isComplete = false;
  #isCheckDue = true;
  #saving: Promise<void> | undefined;
  #settled: (() => void)[] = [];
  #closed = false;
  readonly #timer: NodeJS.Timeout;

  /** Connects in the background. Throws if the address is none. */
  constructor(options: RedisInventoryOptions) {
    this.#onError = options.onError ?? (() => {});
    this.#memory = new MemoryInventory((error) => this.#onError(error as Error));
    this.#layout = redisLayout(options.name);
    this.#redis = connectRedis(options, (reason) => {
      if (reason !== undefined && !this.#closed) this.#onError(new Error(`the inventory is not shared at present, Redis: ${reason}`));
    });
    const check = (): void => {
      this.#isCheckDue = true;
      this.#save();
    };
    this.#redis.on("ready", check);
    this.#timer = setInterval(check, options.checkIntervalMs ?? 1_000);
    this.#timer.unref();
  }

  async replace(zone: string, content: { entries: readonly InventoryEntry[]; ingresses: readonly InventoryIngress[] }): Promise<void> {
    const texts = ZoneTexts.of(content);
    const before = this.#zones.get(zone);
    for (const kind of ["entry", "ingress"] as const) {
      for (const key of before?.[kind].keys() ?? []) if (!texts[kind].has(key)) this.#change(zone, kind, key, null);
      for (const [key, text] of texts[kind]) this.#change(zone, kind, key, text);
    }
    await this.#memory.replace(zone, content);
  }

  async put(entry: InventoryEntry): Promise<void> {
    this.#change(entry.zone, "entry", inventoryKey(entry), encodeEntry(entry));
    await this.#memory.put(entry);
  }

  async delete(zone: string, key: InventoryKey): Promise<void> {
    this.#change(zone, "entry", key, null);
    await this.#memory.delete(zone, key);
  }

  async putIngress(ingress: InventoryIngress): Promise<void> {
    this.#change(ingress.zone, "ingress", ingress.name, encodeIngress(ingress));
    await this.#memory.putIngress(ingress);
  }

  async deleteIngress(zone: string, name: string): Promise<void> {
    this.#change(zone, "ingress", name, null);
    await this.#memory.deleteIngress(zone, name);
  }

  ingresses(zone: string): readonly InventoryIngress[] {
    return this.#memory.ingresses(zone);
  }

  entries(zone: string): readonly InventoryEntry[] {
    return this.#memory.entries(zone);
  }

  entriesByKey(zone: string): ReadonlyMap<InventoryKey, InventoryEntry> {
    return this.#memory.entriesByKey(zone);
  }

  zones(): readonly string[] {
    return this.#memory.zones();
  }

  watch(listener: (change: InventoryChange) => void): () => void {
    return this.#memory.watch(listener);
  }

  /** Everything there is was told: until then, Redis keeps what it has from an earlier life of this process. */
  markComplete(): void {
    this.#isComplete = true;
    this.#isCheckDue = true;
    this.#save();
  }

  /** Resolves when Redis has what was told before the call; not while it is away. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      this.#save();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#redis.disconnect();
    await this.#saving;
    await this.#memory.close();
  }

  #change(zone: string, kind: Kind, key: string, text: string | null): void {
    let texts = this.#zones.get(zone);
    if (!texts) this.#zones.set(zone, (texts = new ZoneTexts()));
    const from = texts.digest;
    if (!texts.set(kind, key, text)) return;
    let unsaved = this.#unsaved.get(zone);
    if (!unsaved) this.#unsaved.set(zone, (unsaved = { zone, from, entry: {}, ingress: {} }));
    unsaved[kind][key] = text;
    this.#save();
  }

  /** One at a time. */
  #save(): void {
    if (!this.#isComplete || this.#saving || this.#closed || this.#redis.status !== "ready") return;
    this.#saving = this.#saveAll().then(
      () => {
        this.#saving = undefined;
        if (this.#unsaved.size > 0 || this.#settled.length > 0) this.#save();
      },
      (error: unknown) => {
        // Again at the next check, or when the connection is back.
        this.#saving = undefined;
        if (!this.#closed) this.#onError(new Error("the inventory could not be stored in Redis", { cause: error }));
      },
    );
  }

  async #saveAll(): Promise<void> {
    // After what else is told in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = this.#settled;
    this.#settled = [];
    try {
      while (this.#unsaved.size > 0 || this.#isCheckDue || this.#isLost) await this.#compareAndStore();
      for (const resolve of waiting.splice(0)) resolve();
    } finally {
      this.#settled.unshift(...waiting);
    }
  }

  /** What is stored builds on what was just seen to be there, or is not stored at all. */
  async #compareAndStore(): Promise<void> {
    const { hash } = this.#layout;
    await this.#redis.watch(hash);
    const text = await this.#redis.hget(hash, zonesField);
    this.#compare(text === null ? undefined : (JSON.parse(text) as Digests));
    this.#isCheckDue = false;
    const batch = this.#unsaved;
    if (batch.size === 0 && !this.#isLost) {
      await this.#redis.unwatch();
      return;
    }
    const wasLost = this.#isLost;
    this.#unsaved = new Map();
    this.#isLost = false;
    try {
      await this.#store(wasLost ? undefined : [...batch.values()]);
    } catch (error) {
      // It may or may not be stored.
      this.#isLost = true;
      throw error;
    }
  }

  /** Finds out whether Redis has what the changes build on. */
  #compare(found: Digests | undefined): void {
    const foreign: Digests = {};
    const expected = this.#savedDigests();
    if (!found) this.#isLost = true;
    for (const zone of new Set([...Object.keys(expected), ...Object.keys(found ?? {})])) {
      const there = found?.[zone] ?? "";
      if (there === (expected[zone] ?? "")) continue;
      // Another filler was first with the same.
      if (there === (this.#zones.get(zone)?.digest ?? "")) this.#unsaved.delete(zone);
      // Another may also be a record ahead of this one: only what stays, or what nobody has stored, is lost.
      else if (there === "" || (this.#isCheckDue && this.#foreign[zone] === there)) this.#isLost = true;
      else {
        foreign[zone] = there;
        this.#unsaved.delete(zone);
      }
    }
    this.#foreign = this.#isCheckDue ? foreign : { ...this.#foreign, ...foreign };
  }

  /** As it should be in Redis before the unsaved changes. */
  #savedDigests(): Digests {
    const digests: Digests = {};
    for (const [zone, texts] of this.#zones) {
      const digest = this.#unsaved.get(zone)?.from ?? texts.digest;
      if (digest !== "") digests[zone] = digest;
    }
    return digests;
  }

  /** Without changes: everything. */
  async #store(changes: readonly ZoneChanges[] | undefined): Promise<void> {
    const { hash, changes: channel } = this.#layout;
    const digests: Digests = {};
    for (const [zone, { digest }] of this.#zones) if (digest !== "") digests[zone] = digest;
    const fields = new Map([[zonesField, JSON.stringify(digests)]]);
    const transaction = this.#redis.multi();
    if (!changes) {
      transaction.del(hash);
      for (const [zone, texts] of this.#zones)
        for (const kind of ["entry", "ingress"] as const) for (const [key, text] of texts[kind]) fields.set(fieldOf(kind, zone, key), text);
    } else {
      const gone: string[] = [];
      for (const { zone, entry, ingress } of changes) {
        for (const [kind, texts] of [["entry", entry] as const, ["ingress", ingress] as const]) {
          for (const [key, text] of Object.entries(texts)) {
            if (text === null) gone.push(fieldOf(kind, zone, key));
            else fields.set(fieldOf(kind, zone, key), text);
          }
        }
      }
      if (gone.length > 0) transaction.hdel(hash, ...gone);
    }
    transaction.hset(hash, fields);
    const isSmall = changes !== undefined && fields.size <= messageChanges;
    transaction.publish(channel, JSON.stringify({ digests, ...(isSmall ? { changes: [...changes] } : {}) } satisfies InventoryMessage));
    const answers = await transaction.exec();
    // Somebody else has written since we looked.
    if (answers === null) this.#isLost = true;
    const failed = answers?.find(([error]) => error)?.[0];
    if (failed) throw failed;
  }
}
