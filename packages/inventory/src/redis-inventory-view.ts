import type { Inventory, InventoryChange, InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";
import { inventoryKey } from "./inventory-key.ts";
import { MemoryInventory } from "./memory-inventory.ts";
import { connectRedis } from "./redis-connection.ts";
import type { RedisClient, RedisConnectionOptions } from "./redis-connection.ts";
import { decodeEntry, decodeIngress, redisLayout, splitField, zonesField } from "./redis-layout.ts";
import type { Digests, InventoryMessage, RedisLayout } from "./redis-layout.ts";

export interface RedisInventoryViewOptions extends RedisConnectionOptions {
  /** Whose inventory: that of the `RedisInventory` which fills it. */
  name: string;
  /** How long to wait for a Redis that has an inventory. Default 5,000. */
  openTimeoutMs?: number;
  onError?: (error: Error) => void;
}

/**
 * An inventory that another process fills, as Redis has it; reads answer from memory. What was read stays while Redis is away or has
 * lost its content: absence of everything is never deletion. Writes here do nothing, the filler's count.
 */
export class RedisInventoryView implements Inventory {
  readonly #memory: MemoryInventory;
  readonly #commands: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #layout: RedisLayout;
  readonly #onError: (error: Error) => void;
  readonly #digests = new Map<string, string>();
  readonly #loaded = Promise.withResolvers<void>();
  #work: Promise<void> = Promise.resolve();
  #trouble = "no answer";
  #closed = false;

  /** Resolves when the content is read; rejects if there is none in time. */
  static async open(options: RedisInventoryViewOptions): Promise<RedisInventoryView> {
    const view = new RedisInventoryView(options);
    const { openTimeoutMs = 5_000 } = options;
    const timer = setTimeout(
      () => view.#loaded.reject(new Error(`Redis had no inventory within ${openTimeoutMs} ms: ${view.#trouble}`)),
      openTimeoutMs,
    );
    try {
      await view.#loaded.promise;
      return view;
    } catch (error) {
      await view.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(options: RedisInventoryViewOptions) {
    this.#onError = options.onError ?? (() => {});
    this.#memory = new MemoryInventory((error) => this.#onError(error as Error));
    this.#layout = redisLayout(options.name);
    const tell = (reason: string | undefined): void => {
      this.#trouble = reason ?? "nobody has filled it";
      if (reason !== undefined && !this.#closed) this.#onError(new Error(`the inventory is not updated at present, Redis: ${reason}`));
    };
    this.#commands = connectRedis(options, tell);
    this.#subscriber = connectRedis(options, tell);
    const loadAll = (): void => this.#then(() => this.#load());
    this.#commands.on("ready", loadAll);
    // Whatever was said before the subscription is in what is read after it.
    this.#subscriber.on("ready", () => {
      this.#subscriber.subscribe(this.#layout.changes).then(loadAll, (error: Error) => {
        if (!this.#closed) this.#onError(new Error(`the inventory is not updated at present, Redis: ${error.message}`, { cause: error }));
      });
    });
    this.#subscriber.on("message", (_channel: string, text: string) => this.#then(() => this.#take(JSON.parse(text) as InventoryMessage)));
  }

  async replace(): Promise<void> {}
  async put(): Promise<void> {}
  async delete(): Promise<void> {}
  async putIngress(): Promise<void> {}
  async deleteIngress(): Promise<void> {}

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

  async close(): Promise<void> {
    this.#closed = true;
    this.#commands.disconnect();
    this.#subscriber.disconnect();
    await this.#work;
    await this.#memory.close();
  }

  /** One after the other, in the order in which they were heard. */
  #then(run: () => Promise<void>): void {
    this.#work = this.#work.then(run).catch((error: unknown) => {
      // A lost connection ends in "ready", and that in reading everything again.
      if (!this.#closed && this.#commands.status === "ready")
        this.#onError(new Error(`the inventory could not be read, Redis: ${(error as Error).message}`, { cause: error }));
    });
  }

  async #take({ digests, changes = [] }: InventoryMessage): Promise<void> {
    for (const { zone, from, entry, ingress } of changes) {
      if ((this.#digests.get(zone) ?? "") !== from) continue;
      const changed = [...Object.entries(entry), ...Object.entries(ingress)].length;
      if (changed === 1) {
        for (const [key, text] of Object.entries(entry))
          await (text === null ? this.#memory.delete(zone, key) : this.#memory.put(decodeEntry(zone, text)));
        for (const [name, text] of Object.entries(ingress)) {
          await (text === null ? this.#memory.deleteIngress(zone, name) : this.#memory.putIngress(decodeIngress(zone, name, text)));
        }
      } else {
        await this.#replaceParts(zone, entry, ingress);
      }
      this.#remember(zone, digests[zone]);
    }
    const zones = new Set([...Object.keys(digests), ...this.#digests.keys()]);
    if ([...zones].some((zone) => digests[zone] !== this.#digests.get(zone))) await this.#load();
  }

  /** Several changes that belong together become visible together. */
  async #replaceParts(zone: string, entry: Record<string, string | null>, ingress: Record<string, string | null>): Promise<void> {
    const entries = this.#memory.entries(zone).filter((present) => !(inventoryKey(present) in entry));
    const ingresses = this.#memory.ingresses(zone).filter(({ name }) => !(name in ingress));
    for (const text of Object.values(entry)) if (text !== null) entries.push(decodeEntry(zone, text));
    for (const [name, text] of Object.entries(ingress)) if (text !== null) ingresses.push(decodeIngress(zone, name, text));
    await this.#memory.replace(zone, { entries, ingresses });
  }

  /** Reads everything, and takes over the zones whose digest is another one than here. */
  async #load(): Promise<void> {
    if (this.#commands.status !== "ready") return;
    const fields = Object.entries(await this.#commands.hgetall(this.#layout.hash));
    const digests = JSON.parse(fields.find(([field]) => field === zonesField)?.[1] ?? "null") as Digests | null;
    // Lost, or not yet filled; either way it will be.
    if (digests === null) return;
    const content = new Map<string, { entries: InventoryEntry[]; ingresses: InventoryIngress[] }>();
    const changed = [...new Set([...Object.keys(digests), ...this.#digests.keys()])].filter(
      (zone) => digests[zone] !== this.#digests.get(zone),
    );
    for (const zone of changed) content.set(zone, { entries: [], ingresses: [] });
    for (const [field, text] of fields) {
      const [kind, zone, key] = splitField(field);
      if (kind === "entry") content.get(zone)?.entries.push(decodeEntry(zone, text));
      else if (kind === "ingress") content.get(zone)?.ingresses.push(decodeIngress(zone, key, text));
    }
    for (const [zone, parts] of content) {
      await this.#memory.replace(zone, parts);
      this.#remember(zone, digests[zone]);
    }
    this.#loaded.resolve();
  }

  #remember(zone: string, digest: string | undefined): void {
    if (digest === undefined) this.#digests.delete(zone);
    else this.#digests.set(zone, digest);
  }
}
