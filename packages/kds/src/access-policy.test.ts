import { topics } from "@atoll/event-log";
import { expect, test } from "vitest";
import { zoneAccess } from "./access-policy.ts";

test("a zone's own services write the zone's records and nothing else", () => {
  const allows = zoneAccess("east");
  const east = { type: "zone", zone: "east" } as const;
  expect(allows(east, "append", topics.zone("east"))).toBe(true);
  expect(allows(east, "read", topics.config)).toBe(true);
  expect(allows(east, "read", topics.inventory("west"))).toBe(true);
  expect(allows(east, "append", topics.inventory("east"))).toBe(false);
  expect(allows(east, "append", topics.config)).toBe(false);
  expect(allows(east, "read", topics.zone("west"))).toBe(false);
  expect(allows({ type: "zone", zone: "west" }, "read", topics.config)).toBe(false);
  expect(allows({ type: "internal" }, "read", topics.config)).toBe(false);
});
