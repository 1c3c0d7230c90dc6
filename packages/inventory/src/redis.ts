// Apart from the rest: who runs without Redis does not load its client.
export type { RedisConnectionOptions } from "./redis-connection.ts";
export { RedisInventory } from "./redis-inventory.ts";
export type { RedisInventoryOptions } from "./redis-inventory.ts";
export { RedisInventoryView } from "./redis-inventory-view.ts";
export type { RedisInventoryViewOptions } from "./redis-inventory-view.ts";
