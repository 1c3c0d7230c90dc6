import { type Inventory, MemoryInventory } from "@atoll/inventory";
import { redisConnection } from "@atoll/runtime";
import type { ZoneSettings } from "./settings.ts";

export interface SharedInventory extends Inventory {
  /** Everything there is was told: what Redis has beyond that is gone. */
  markComplete(): void;
}

/** The inventory that the zone's sync service fills: in Redis for all its xDS servers, or for itself. */
export async function openInventory(
  settings: ZoneSettings["inventory"],
  zone: string,
  onError: (error: Error) => void,
): Promise<SharedInventory> {
  const redis = redisConnection(settings.redis);
  if (!redis) return Object.assign(new MemoryInventory(), { markComplete: () => {} });
  const { RedisInventory } = await import("@atoll/inventory/redis");
  return new RedisInventory({ ...redis, name: zone, onError });
}
