export { computeAvailableServices, exists, isOffered, renderAvailableServices } from "./available-services.ts";
export { selectGateway } from "./select-gateway.ts";
export type { AvailabilityInput, AvailableService } from "./available-services.ts";
export type { DataplaneIntent, ExternalServiceIntent, MeshGatewayIntent, MeshIntent } from "./intents.ts";
export { entryContent } from "./entry-content.ts";
export { inventoryKey, tagText } from "./inventory-key.ts";
export type { Inventory, InventoryChange, InventoryEntry, InventoryIngress, InventoryKey } from "./inventory.ts";
export { MemoryInventory } from "./memory-inventory.ts";
