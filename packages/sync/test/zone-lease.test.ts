import { expect, test } from "vitest";
import { type LeaseRecord, type LeaseState, foldLease, leaseKey, noLease } from "../src/zone-lease.ts";

const writer = (instance: string) => ({ instance, address: `grpcs://${instance}:5686`, certificate: "" });
const claim = (instance: string, term: number, follows: number): LeaseRecord => ({ op: "claim", term, follows, writer: writer(instance) });
const renew = (instance: string, term: number): LeaseRecord => ({ op: "renew", term, writer: writer(instance) });
const release = (instance: string, term: number): LeaseRecord => ({ op: "release", term, writer: writer(instance) });

/** Records at their offsets; compaction leaves holes. */
const foldAll = (records: Record<number, LeaseRecord>, from: LeaseState = noLease): LeaseState =>
  Object.entries(records).reduce((state, [offset, record]) => foldLease(state, Number(offset), record), from);

const held = (by: string, term: number, offset: number) => ({ term, offset, writer: writer(by), last: by });

test("of two claims that follow the same record the first one counts", () => {
  expect(foldAll([claim("a", 1, -1), claim("b", 1, -1)])).toEqual(held("a", 1, 0));
});

test("a writer that has renewed keeps the lease from a claim that had not seen that", () => {
  expect(foldAll([claim("a", 1, -1), renew("a", 1), claim("b", 2, 0)])).toEqual(held("a", 1, 1));
  expect(foldAll([claim("a", 1, -1), renew("a", 1), claim("b", 2, 1)])).toEqual(held("b", 2, 2));
});

test("what a deposed writer says does not count, and it may claim again", () => {
  const deposed = [claim("a", 1, -1), claim("b", 2, 0), renew("a", 1), release("a", 1)];
  expect(foldAll(deposed)).toEqual(held("b", 2, 1));
  expect(foldAll([...deposed, claim("a", 3, 1)])).toEqual(held("a", 3, 4));
});

test("a lease that was given back is nobody's, and its last writer is known", () => {
  expect(foldAll([claim("a", 1, -1), release("a", 1)])).toEqual({ term: 1, offset: 1, writer: undefined, last: "a" });
  expect(foldAll([claim("a", 1, -1), release("a", 1), claim("b", 2, 1)])).toEqual(held("b", 2, 2));
});

test("where compaction has removed the claim, a renewal tells of it", () => {
  expect(foldAll({ 7: claim("a", 3, 5), 9: renew("b", 4) })).toEqual(held("b", 4, 9));
  expect(foldAll({ 9: renew("b", 4), 10: claim("a", 5, 9) })).toEqual(held("a", 5, 10));
});

test("terms never go back", () => {
  expect(foldAll([claim("a", 5, -1), claim("b", 5, 0), claim("b", 4, 0)])).toEqual(held("a", 5, 0));
});

test("whoever reads the compacted log from its begin knows the same writer, also when a deposed one was heard late", () => {
  const records = [claim("a", 1, -1), renew("a", 1), claim("b", 2, 1), renew("b", 2), renew("a", 1)];
  const newest = new Map(records.map((record, offset) => [leaseKey(record), offset]));
  const compacted = Object.fromEntries([...newest.values()].map((offset) => [offset, records[offset]!]));
  expect(foldAll(compacted)).toMatchObject({ term: 2, writer: { instance: "b" } });
  expect(foldAll(compacted)).toEqual(foldAll(records));
});
