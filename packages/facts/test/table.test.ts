import { expect, test } from "vitest";
import { Fact, FactGraph, Table, Watcher } from "../src/index.ts";

interface Item {
  tags: string[];
}

function world() {
  const graph = new FactGraph();
  const items = new Map<string, Item>();
  const table = new Table<Item>(graph, { get: (key) => items.get(key), list: () => items });
  return {
    graph,
    table,
    put: (key: string, ...tags: string[]) => {
      items.set(key, { tags });
      table.changed(key);
    },
    remove: (key: string) => {
      items.delete(key);
      table.changed(key);
    },
  };
}

/** Says how often it was told since it was last asked. */
function watch<Value>(graph: FactGraph, read: () => Value) {
  let told = 0;
  const watcher = new Watcher(graph, read, () => told++);
  watcher.update();
  return () => {
    const before = told;
    told = 0;
    return [before, watcher.update().value];
  };
}

test("one item, all, and those of a group are read apart", () => {
  const { graph, table, put, remove } = world();
  put("a", "x");
  put("b", "y");
  const byTag = table.index(({ tags }, key) => tags.map((group) => ({ group, value: key })));
  const b = watch(graph, () => table.get("b")?.tags.join());
  const all = watch(graph, () => table.all().length);
  const x = watch(graph, () => byTag.of("x").join());
  const groups = watch(graph, () => byTag.groups().join());
  put("c", "x");
  expect([b(), all(), x(), groups()]).toEqual([
    [0, "y"],
    [1, 3],
    [1, "a,c"],
    [0, "x,y"],
  ]);
  put("b", "z");
  expect([b(), all(), x(), groups()]).toEqual([
    [1, "z"],
    [1, 3],
    [0, "a,c"],
    [1, "x,z"],
  ]);
  remove("a");
  expect([b(), all(), x(), groups()]).toEqual([
    [0, "z"],
    [1, 2],
    [1, "c"],
    [0, "x,z"],
  ]);
});

test("contributions of one id are one, and count until the last who makes them is gone", () => {
  const { graph, table, put, remove } = world();
  const destinations = table.index(({ tags }) => tags.map((id) => ({ group: "all", id, value: { id } })));
  const read = watch(graph, () =>
    destinations
      .of("all")
      .map(({ id }) => id)
      .join(),
  );
  put("one", "x", "x", "y");
  expect(read()).toEqual([1, "x,y"]);
  put("two", "x");
  expect(read()).toEqual([0, "x,y"]);
  put("one", "y");
  expect(read()).toEqual([0, "x,y"]);
  remove("two");
  expect(read()).toEqual([1, "y"]);
  remove("one");
  expect(read()).toEqual([1, ""]);
});

test("a change costs what reads it: none of ten thousand unrelated items are looked at", () => {
  const { graph, table, put } = world();
  for (let at = 0; at < 10_000; at++) put(`item-${at}`, `tag-${at % 1_000}`);
  let looked = 0;
  const byTag = table.index(({ tags }, key) => {
    looked++;
    return tags.map((group) => ({ group, value: key }));
  });
  const sizes = Array.from({ length: 1_000 }, (_, at) => new Fact(graph, () => byTag.of(`tag-${at}`).length, Object.is));
  const watchers = sizes.map((size) => watch(graph, () => size.get()));
  expect(looked).toBe(10_000);
  const before = graph.made;
  put("item-7", "tag-8");
  expect(watchers.map((read) => read()[0]).reduce<number>((sum, one) => sum + (one as number), 0)).toBe(2);
  // Twice for what the item says before and after; two sizes, and who watches them.
  expect([looked - 10_000, graph.made - before]).toEqual([2, 4]);
});
