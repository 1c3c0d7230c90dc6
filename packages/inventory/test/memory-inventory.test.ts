import { expect, test } from "vitest";
import { MemoryInventory } from "../src/index.ts";
import { inventoryContract } from "./inventory-contract.ts";

inventoryContract("memory", async () => {
  const inventory = new MemoryInventory();
  return { inventory, settled: async () => {}, close: () => inventory.close() };
});

test("a listener that throws is reported and does not silence the others", async () => {
  const errors: unknown[] = [];
  const inventory = new MemoryInventory((error) => errors.push(error));
  let heard = 0;
  inventory.watch(() => {
    throw new Error("broken listener");
  });
  inventory.watch(() => heard++);
  await inventory.put({ zone: "east", mesh: "default", tags: { "kuma.io/service": "web" }, instances: 1 });
  expect(heard).toBe(1);
  expect(errors).toHaveLength(1);
});
