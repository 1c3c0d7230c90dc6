import { describe, expect, it } from "vitest";
import { changeDelta, changeSotw, wants } from "./subscription.ts";
import type { Subscription } from "./subscription.ts";

/** `*` and names in order, as one line. */
const line = ({ wildcard, names }: Subscription): string => [...(wildcard ? ["*"] : []), ...[...names].sort()].join(" ");

function delta(steps: readonly [subscribe: string[], unsubscribe: string[]][], allByDefault = true) {
  let subscription: Subscription | undefined;
  return steps.map(([subscribe, unsubscribe]) => {
    const change = changeDelta(subscription, { subscribe, unsubscribe }, allByDefault);
    subscription = change.subscription;
    return [line(subscription), change.owed.join(" ")];
  });
}

function sotw(steps: readonly string[][], allByDefault = true) {
  let subscription: Subscription | undefined;
  return steps.map((names) => line((subscription = changeSotw(subscription, names, allByDefault).subscription)));
}

describe("incremental", () => {
  it("takes an empty first request for all, and keeps all when names follow", () => {
    expect(
      delta([
        [[], []],
        [["a"], []],
        [[], ["*"]],
        [[], ["a"]],
      ]),
    ).toEqual([
      ["*", ""],
      ["* a", "a"],
      ["a", ""],
      ["", ""],
    ]);
  });

  it("takes an empty first request for nothing where a type has no such rule", () => {
    expect(
      delta(
        [
          [[], []],
          [["a"], []],
        ],
        false,
      ),
    ).toEqual([
      ["", ""],
      ["a", "a"],
    ]);
  });

  it("does not fall back to all once names were given", () => {
    expect(
      delta([
        [["a"], []],
        [[], ["a"]],
        [[], []],
      ]),
    ).toEqual([
      ["a", "a"],
      ["", ""],
      ["", ""],
    ]);
  });

  it("owes an answer to a name asked for again, and to one given up that the wildcard still covers", () => {
    expect(
      delta([
        [["*", "a"], []],
        [["a"], []],
        [[], ["a"]],
        [[], ["b"]],
      ]),
    ).toEqual([
      ["* a", "a"],
      ["* a", "a"],
      ["*", "a"],
      ["*", ""],
    ]);
  });
});

describe("state of the world", () => {
  it("takes empty lists for all until something was named", () => {
    expect(sotw([[], [], ["*", "a"], ["a"], []])).toEqual(["*", "*", "* a", "a", ""]);
  });

  it("lets names replace the older way of asking for all", () => {
    expect(sotw([[], ["a"]])).toEqual(["*", "a"]);
  });

  it("takes an empty list for nothing where a type has no such rule", () => {
    expect(sotw([[], ["a", "b"], ["b"], []], false)).toEqual(["", "a b", "b", ""]);
  });
});

it("wants what is named or covered", () => {
  const { subscription } = changeSotw(undefined, ["a"], true);
  expect([wants(subscription, "a"), wants(subscription, "b"), wants({ ...subscription, wildcard: true }, "b")]).toEqual([
    true,
    false,
    true,
  ]);
});
