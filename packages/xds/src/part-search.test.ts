import { describe, expect, it } from "vitest";
import { PartSearch, type Part } from "./part-search.ts";

const part = (id: string): Part => ({ id, parent: id.includes("/") ? id.slice(0, id.lastIndexOf("/")) : undefined });

/** Answers trials as somebody would who refuses `bad`, and pairs of `clash`. Returns how many it took. */
function run(search: PartSearch, bad: readonly string[], clash: readonly string[] = []): number {
  let trials = 0;
  for (let trial = search.trial; trial !== undefined; trial = search.trial) {
    trials += 1;
    const parts = trial;
    const refused = bad.some((id) => parts.has(id)) || clash.filter((id) => parts.has(id)).length > 1;
    if (refused) search.refused(`refused ${trials}`);
    else search.accepted();
  }
  return trials;
}

const hosts = ["", "/h1", "/h1/r1", "/h1/r2", "/h1/r2/retry", "/h2", "/h2/r3"].map((id) => part(`x${id}`));

describe("PartSearch", () => {
  it("takes what is new alone for what is bad, without a trial", () => {
    const search = new PartSearch(hosts, new Set(hosts.map(({ id }) => id).filter((id) => id !== "x/h2/r3")), "no");
    expect([search.trial, [...search.bad]]).toEqual([undefined, [["x/h2/r3", "no"]]]);
  });

  it.each([
    [["x/h1/r2"], ["x", "x/h1", "x/h1/r1", "x/h2", "x/h2/r3"]],
    [["x/h1/r2/retry"], ["x", "x/h1", "x/h1/r1", "x/h1/r2", "x/h2", "x/h2/r3"]],
    [
      ["x/h1", "x/h2/r3"],
      ["x", "x/h2"],
    ],
    [["x"], []],
  ])("finds %j", (bad, good) => {
    const search = new PartSearch(hosts, new Set(), "no");
    run(search, bad);
    expect([[...search.bad.keys()], [...search.good].sort()]).toEqual([bad, good]);
  });

  it("never tries anything without what was good before", () => {
    const good = ["x", "x/h1", "x/h1/r1"];
    const search = new PartSearch(hosts, new Set(good), "no");
    for (let trial = search.trial; trial !== undefined; trial = search.trial) {
      expect(good.every((id) => trial!.has(id))).toBe(true);
      search.refused("no");
    }
    expect(search.good).toEqual(new Set(good));
  });

  it("of two that clash the first stays", () => {
    const search = new PartSearch(hosts, new Set(), "no");
    run(search, [], ["x/h1", "x/h2"]);
    expect([...search.bad.keys()]).toEqual(["x/h2"]);
  });

  it("what was good in something else and is refused together is searched as a whole", () => {
    const search = new PartSearch(hosts, new Set(hosts.map(({ id }) => id)), "no");
    run(search, [], ["x/h1/r1", "x/h2"]);
    expect([...search.bad.keys()]).toEqual(["x/h2"]);
  });

  it("takes few trials for one among ten thousand, and gives up at many", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => part(`p${index}`));
    const one = new PartSearch(many, new Set(), "no");
    expect(run(one, ["p7654"])).toBeLessThan(20);
    const all = new PartSearch(many, new Set(), "no");
    expect(
      run(
        all,
        many.map(({ id }) => id),
      ),
    ).toBeLessThanOrEqual(64);
    expect([all.good.size, all.bad.size]).toEqual([0, 10_000]);
  });
});
