export { computeAvailableServices, renderAvailableServices } from "./available-services.ts";
export type {
  AvailabilityInput,
  AvailableService,
  DataplaneIntent,
  ExternalServiceIntent,
  MeshGatewayIntent,
  MeshIntent,
} from "./available-services.ts";
export { inventoryKey, tagText } from "./inventory-key.ts";
export type { Inventory, InventoryChange, InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";
export { MemoryInventory } from "./memory-inventory.ts";
export type { RedisConnectionOptions } from "./redis-connection.ts";
export { RedisInventory } from "./redis-inventory.ts";
export type { RedisInventoryOptions } from "./redis-inventory.ts";
export { RedisInventoryView } from "./redis-inventory-view.ts";
export type { RedisInventoryViewOptions } from "./redis-inventory-view.ts";
