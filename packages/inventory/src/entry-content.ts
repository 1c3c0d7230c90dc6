import type { InventoryEntry } from "./inventory.ts";

/** An entry without its zone, its tags sorted and what is not set left out: equal entries have equal JSON. */
export const entryContent = ({ mesh, tags, instances, gone, unready, externalService }: InventoryEntry): object => ({
  ...{ mesh, tags: sorted(tags), instances },
  ...(gone ? { gone } : {}),
  ...(unready ? { unready } : {}),
  ...(externalService ? { externalService: true } : {}),
});

const sorted = (tags: Readonly<Record<string, string>>) => Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
