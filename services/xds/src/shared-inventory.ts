import { type Inventory, MemoryInventory } from "@atoll/inventory";
import { redisConnection, type Logger } from "@atoll/runtime";
import type { XdsSettings } from "./settings.ts";

/**
 * What the zone's sync service shares through Redis. Without Redis, or if it can't be read at the start, an inventory of this process that
 * is filled from the zone's log.
 */
export async function openInventory(settings: XdsSettings["inventory"], zone: string, log: Logger): Promise<Inventory> {
  const redis = redisConnection(settings.redis);
  if (!redis) return new MemoryInventory();
  const { RedisInventoryView } = await import("@atoll/inventory/redis");
  try {
    return await RedisInventoryView.open({ ...redis, name: zone, onError: (error) => log.warn({ err: error }, error.message) });
  } catch (error) {
    log.warn({ err: error }, "the zone's inventory is not in Redis; this server reads it from the log");
    return new MemoryInventory();
  }
}
