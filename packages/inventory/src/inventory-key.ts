import type { InventoryEntry, InventoryKey } from "./inventory.ts";

/** `k=v,k=v` sorted by tag name. Tag names and values hold neither "=" nor ",". */
export function tagText(tags: Readonly<Record<string, string>>): string {
  return Object.keys(tags)
    .sort()
    .map((name) => `${name}=${tags[name]}`)
    .join(",");
}

/** Identifies an entry inside its zone: `<mesh>/<k=v,k=v>`, external services apart from services with the same tags. */
export function inventoryKey(entry: Pick<InventoryEntry, "mesh" | "tags" | "externalService">): InventoryKey {
  return `${entry.mesh}/${tagText(entry.tags)}${entry.externalService ? "#external" : ""}`;
}
