import type { Resource } from "@atoll/resource";
import { expect, test } from "vitest";
import { ResourceTable } from "../src/index.ts";

const times = { creationTime: "2026-01-01T00:00:00Z", modificationTime: "2026-01-01T00:00:00Z" };
const resource = (name: string, revision: number): Resource => ({ type: "Timeout", mesh: "default", name, spec: {}, revision, ...times });

/** The same numbers in each run. */
function* numbers(): Generator<number> {
  for (let seed = 7; ;) yield (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
}

test("a list is what a table that was filled anew has, however many resources changed since it was last asked for", () => {
  const random = numbers();
  const below = (limit: number): number => Math.floor((random.next().value / 2 ** 31) * limit);
  const table = new ResourceTable();
  const present = new Map<string, Resource>();
  for (let turn = 0; turn < 400; turn++) {
    for (let change = below(30); change >= 0; change--) {
      const name = `t-${below(60)}`;
      if (below(3) === 0) {
        present.delete(name);
        table.delete({ type: "Timeout", mesh: "default", name });
      } else {
        const one = resource(name, turn);
        present.set(name, one);
        table.set(one);
      }
    }
    const given = table.list("Timeout", "default");
    const before = [...given];
    expect(given).toEqual([...present.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
    expect(table.list("Timeout")).toEqual(given);
    table.set(resource("t-0", turn));
    present.set("t-0", table.get("Timeout", "default", "t-0")!);
    // What was handed out stays as it is.
    expect(given).toEqual(before);
  }
});
