import { describe, expect, test } from "vitest";
import { equalValue, Fact, FactGraph, Family, Origin, SharedFacts, Watcher } from "../src/index.ts";

/** A number that lives outside of the graph. */
function cell(graph: FactGraph, value: number) {
  const origin = new Origin(graph);
  return {
    get: () => {
      origin.read();
      return value;
    },
    set: (next: number) => {
      value = next;
      origin.changed();
    },
  };
}

test("a fact is made when it is first asked for, and again only when something that it read has changed", () => {
  const graph = new FactGraph();
  const [one, two] = [cell(graph, 1), cell(graph, 2)];
  let made = 0;
  const fact = new Fact(graph, () => (made++, one.get() > 1 ? two.get() : 0), equalValue);
  expect([made, fact.get(), fact.get(), made]).toEqual([0, 0, 0, 1]);
  two.set(3);
  expect([fact.get(), made]).toEqual([0, 1]);
  one.set(2);
  expect([fact.get(), made]).toEqual([3, 2]);
  two.set(4);
  expect([fact.get(), made]).toEqual([4, 3]);
  one.set(0);
  expect([fact.get(), made]).toEqual([0, 4]);
  two.set(5);
  expect([fact.get(), made]).toEqual([0, 4]);
});

test("what comes out equal keeps its identity, and nobody further is made anew", () => {
  const graph = new FactGraph();
  const number = cell(graph, 1);
  let made = 0;
  const sign = new Fact(graph, () => ({ positive: number.get() > 0 }), equalValue);
  const text = new Fact(graph, () => (made++, `${sign.get().positive}`), equalValue);
  const before = sign.get();
  text.get();
  number.set(2);
  expect([text.get(), made]).toEqual(["true", 1]);
  expect(sign.get()).toBe(before);
  number.set(-2);
  expect([text.get(), made]).toEqual(["false", 2]);
});

test("a watcher is told once, before anything is made anew, and not of what it does not read", () => {
  const graph = new FactGraph();
  const [one, two] = [cell(graph, 1), cell(graph, 2)];
  let told = 0;
  const half = new Fact(graph, () => Math.floor(one.get() / 2), equalValue);
  const watcher = new Watcher(
    graph,
    () => half.get(),
    () => told++,
  );
  expect(watcher.update()).toEqual({ value: 0, anew: true });
  two.set(3);
  expect(told).toBe(0);
  one.set(0);
  one.set(1);
  expect([told, graph.made]).toEqual([1, 2]);
  expect(watcher.update()).toEqual({ value: 0, anew: false });
  one.set(2);
  expect([told, watcher.update()]).toEqual([2, { value: 1, anew: true }]);
});

test("of a fact with thousands of sources, one that may have changed is looked at, not all", () => {
  const graph = new FactGraph();
  const cells = Array.from({ length: 10_000 }, (_, at) => cell(graph, at));
  const signs = new Family(graph, (key) => cells[Number(key)]!.get() >= 0);
  let told = 0;
  const all = new Watcher(
    graph,
    () => cells.every((_, at) => signs.get(`${at}`)),
    () => told++,
  );
  expect(all.update().value).toBe(true);
  const before = graph.made;
  cells[5_000]!.set(1);
  expect([all.update().anew, graph.made - before, told]).toEqual([false, 1, 1]);
});

test("an error is what a fact comes out as: readers hear of it, until its sources change", () => {
  const graph = new FactGraph();
  const number = cell(graph, 0);
  const fact = new Fact(
    graph,
    () => {
      if (number.get() === 0) throw new Error("division by zero");
      return 1 / number.get();
    },
    equalValue,
  );
  let told = 0;
  const watcher = new Watcher(
    graph,
    () => fact.get() * 2,
    () => told++,
  );
  expect(() => watcher.update()).toThrow("division by zero");
  expect(() => watcher.update()).toThrow("division by zero");
  number.set(2);
  expect([told, watcher.update().value]).toEqual([1, 1]);
});

test("a fact that reads itself says so", () => {
  const graph = new FactGraph();
  const facts = new SharedFacts(graph);
  const make = (): number => facts.share("a", () => facts.share("b", make));
  expect(() => facts.share("b", make)).toThrow("made from itself");
});

describe("what nobody reads", () => {
  test("is forgotten, and what it was made from with it; what is read stays", () => {
    const graph = new FactGraph();
    const numbers = Array.from({ length: 10 }, (_, at) => cell(graph, at));
    const doubled = new Family(graph, (key) => numbers[Number(key)]!.get() * 2);
    const sums = new Family(graph, (key) => key.split("+").reduce((sum, one) => sum + doubled.get(one), 0));
    let wanted = "1+2";
    const which = cell(graph, 0);
    const watcher = new Watcher(
      graph,
      () => (which.get(), sums.get(wanted)),
      () => undefined,
    );
    expect(watcher.update().value).toBe(6);
    sums.get("3+4");
    expect([sums.size, doubled.size]).toEqual([2, 4]);
    graph.collect();
    expect([sums.size, doubled.size]).toEqual([1, 2]);
    wanted = "2+5";
    which.set(1);
    expect(watcher.update().value).toBe(14);
    graph.collect();
    expect([sums.size, doubled.size]).toEqual([1, 2]);
    watcher.close();
    graph.collect();
    expect([sums.size, doubled.size]).toEqual([0, 0]);
  });

  test("is made anew if somebody comes back to it", () => {
    const graph = new FactGraph();
    const number = cell(graph, 1);
    const facts = new SharedFacts(graph);
    const fact = facts.fact("double", () => number.get() * 2);
    expect(fact.get()).toBe(2);
    graph.collect();
    number.set(2);
    expect(fact.get()).toBe(4);
    number.set(3);
    expect(fact.get()).toBe(6);
  });
});
