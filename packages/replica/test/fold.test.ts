import { describe, expect, test } from "vitest";
import { type ChangeSet, ConfigState, type Verdict, fold, rememberedIds } from "../src/index.ts";
import { changeSet, key, put, remove } from "./fixtures.ts";

/** Given these records were folded, when one more is, then this is the verdict and the state. */
function given(...records: ChangeSet[]) {
  const state = new ConfigState();
  const applyAll = (sets: ChangeSet[]): Verdict[] =>
    sets.map((set) => {
      const outcome = fold(state, { revision: state.revision + 1, changeSet: set });
      state.apply(state.revision + 1, outcome);
      return outcome.verdict;
    });
  applyAll(records);
  return { state, when: (...next: ChangeSet[]) => ({ state, verdict: applyAll(next).at(-1)! }) };
}

const mesh = put("Mesh", "", "default");

describe("preconditions", () => {
  test("a put that expects absence is accepted once", () => {
    const create = () => changeSet([mesh], { expect: [{ key: key("Mesh", "", "default"), revision: null }] });
    const { verdict, state } = given(create()).when(create());
    expect(verdict).toEqual({ accepted: false, revision: 2, conflict: { key: key("Mesh", "", "default"), expected: null, actual: 1 } });
    expect(state.revision).toBe(2);
    expect(state.get("Mesh", "", "default")?.revision).toBe(1);
  });

  test("an older revision than the key's is refused, the present one is not", () => {
    const at = (revision: number) =>
      changeSet([put("Mesh", "", "default", { n: revision })], { expect: [{ key: key("Mesh", "", "default"), revision }] });
    const { when } = given(changeSet([mesh]), changeSet([mesh]));
    expect(when(at(1)).verdict.accepted).toBe(false);
    expect(when(at(2)).verdict.accepted).toBe(true);
    expect(when(at(2)).verdict).toMatchObject({ accepted: false, conflict: { actual: 4 } });
  });

  test("one broken expectation rejects the whole set", () => {
    const { verdict, state } = given(changeSet([mesh])).when(
      changeSet([put("Timeout", "default", "a"), put("Timeout", "default", "b")], {
        expect: [
          { key: key("Timeout", "default", "a"), revision: null },
          { key: key("Mesh", "", "default"), revision: 7 },
        ],
      }),
    );
    expect(verdict.accepted).toBe(false);
    expect(state.list("Timeout")).toEqual([]);
  });

  test("an equal put takes a revision of its own, so that of two equal conditional writes one loses", () => {
    const write = () => changeSet([mesh], { expect: [{ key: key("Mesh", "", "default"), revision: 1 }] });
    const { when } = given(changeSet([mesh]));
    expect(when(write()).verdict).toEqual({ accepted: true, revision: 2, changed: [] });
    expect(when(write()).verdict.accepted).toBe(false);
  });
});

describe("values and times", () => {
  test("a put keeps the creation time and moves the modification time", () => {
    const { state } = given(changeSet([mesh], { at: "2026-01-01T00:00:00Z" })).when(changeSet([mesh], { at: "2026-02-02T00:00:00Z" }));
    expect(state.get("Mesh", "", "default")).toMatchObject({
      creationTime: "2026-01-01T00:00:00Z",
      modificationTime: "2026-02-02T00:00:00Z",
      revision: 2,
    });
  });

  test("changed names the keys whose spec or labels are others, sorted", () => {
    const { verdict } = given(changeSet([put("Timeout", "default", "same", { a: 1, b: 2 }), put("Timeout", "default", "label")])).when(
      changeSet([
        put("Timeout", "default", "same", { b: 2, a: 1 }),
        put("Timeout", "default", "new"),
        put("Timeout", "default", "label", {}, { team: "a" }),
      ]),
    );
    expect(verdict).toMatchObject({ changed: [key("Timeout", "default", "label"), key("Timeout", "default", "new")] });
  });

  test("labels that are left out are dropped", () => {
    const { state } = given(changeSet([put("Mesh", "", "default", {}, { team: "a" })])).when(changeSet([mesh]));
    expect(state.get("Mesh", "", "default")?.labels).toBeUndefined();
  });

  test("put and delete of one key in one set leave nothing", () => {
    const { verdict, state } = given().when(changeSet([mesh, remove("Mesh", "", "default")]));
    expect(verdict).toEqual({ accepted: true, revision: 1, changed: [] });
    expect(state.size).toBe(0);
  });

  test("deleting what is absent is accepted and changes nothing", () => {
    expect(given().when(changeSet([remove("Mesh", "", "gone")])).verdict).toEqual({ accepted: true, revision: 1, changed: [] });
  });
});

describe("deleting a mesh", () => {
  test("takes everything in it along, of any type, and nothing else", () => {
    const { verdict, state } = given(
      changeSet([
        mesh,
        put("Mesh", "", "other"),
        put("Timeout", "default", "t"),
        put("Secret", "default", "s"),
        put("Timeout", "other", "t"),
      ]),
    ).when(changeSet([put("Retry", "default", "same-set"), remove("Mesh", "", "default")]));
    expect(verdict).toMatchObject({ changed: [key("Mesh", "", "default"), key("Secret", "default", "s"), key("Timeout", "default", "t")] });
    expect([...state.all()].map(({ type, mesh: of, name }) => `${type}/${of}/${name}`).sort()).toEqual(["Mesh//other", "Timeout/other/t"]);
  });

  test("what is put after it in the same set stays", () => {
    const { state } = given(changeSet([mesh, put("Timeout", "default", "t", { old: true })])).when(
      changeSet([remove("Mesh", "", "default"), mesh, put("Timeout", "default", "t", { old: false })]),
    );
    expect(state.get("Timeout", "default", "t")?.spec).toEqual({ old: false });
  });

  test("deleting a zone takes nothing along", () => {
    const { state } = given(changeSet([put("Zone", "", "east"), mesh])).when(changeSet([remove("Zone", "", "east")]));
    expect(state.list("Mesh")).toHaveLength(1);
  });
});

describe("a repeated change set", () => {
  test("is folded once, with the verdict of the first time", () => {
    const first = changeSet([put("Mesh", "", "default", { n: 1 })], { expect: [{ key: key("Mesh", "", "default"), revision: null }] });
    const { verdict, state } = given(first, changeSet([put("Mesh", "", "default", { n: 2 })])).when(first);
    expect(verdict).toEqual({ accepted: true, revision: 1, changed: [] });
    expect(state.get("Mesh", "", "default")?.spec).toEqual({ n: 2 });
    expect(state.revision).toBe(3);
  });

  test("is remembered among the last ids only", () => {
    const first = changeSet([put("Mesh", "", "default", { n: 1 })]);
    const later = Array.from({ length: rememberedIds }, () => changeSet([put("Mesh", "", "default", { n: 2 })]));
    expect(
      given(first, ...later.slice(1))
        .when(first)
        .state.get("Mesh", "", "default")?.spec,
    ).toEqual({ n: 2 });
    expect(
      given(first, ...later)
        .when(first)
        .state.get("Mesh", "", "default")?.spec,
    ).toEqual({ n: 1 });
  });
});

describe("state", () => {
  test("fold changes nothing by itself", () => {
    const { state } = given(changeSet([mesh]));
    const before = state.checksum();
    fold(state, { revision: 2, changeSet: changeSet([remove("Mesh", "", "default")]) });
    expect(state.checksum()).toBe(before);
  });

  test("the checksum does not depend on the way there, but on content and revision", () => {
    const a = given(changeSet([put("Mesh", "", "x"), put("Mesh", "", "y")]));
    const b = given(changeSet([put("Mesh", "", "y"), put("Mesh", "", "x")]));
    expect(a.state.checksum()).toBe(b.state.checksum());
    expect(a.when(changeSet([])).state.checksum()).not.toBe(b.state.checksum());
    b.when(changeSet([put("Mesh", "", "x", { other: true })]));
    expect(a.state.checksum()).not.toBe(b.state.checksum());
    expect([...a.state.digests()].filter(([k, digest]) => b.state.digests().get(k) !== digest).map(([k]) => k)).toEqual([
      key("Mesh", "", "x"),
    ]);
  });

  test("lists are sorted by mesh, then name, and kept until a change", () => {
    const { state, when } = given(
      changeSet([put("Timeout", "b", "1"), put("Timeout", "a", "2"), put("Timeout", "a", "1"), put("Retry", "a", "1")]),
    );
    expect(state.list("Timeout").map((r) => `${r.mesh}/${r.name}`)).toEqual(["a/1", "a/2", "b/1"]);
    const [list, retries] = [state.list("Timeout", "a"), state.list("Retry")];
    expect(state.list("Timeout", "a")).toBe(list);
    when(changeSet([put("Timeout", "a", "0")]));
    expect(state.list("Timeout", "a").map((r) => r.name)).toEqual(["0", "1", "2"]);
    expect(state.list("Retry")).toBe(retries);
    expect(state.list("Timeout", "none")).toEqual([]);
  });
});
