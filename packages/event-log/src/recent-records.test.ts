import { expect, test } from "vitest";
import type { LogRecord } from "./event-log.ts";
import { RecentRecords } from "./recent-records.ts";

const record = (offset: number, sizeBytes = 10): LogRecord => ({
  offset,
  timestamp: 0,
  key: null,
  value: new Uint8Array(sizeBytes),
  headers: {},
});

test("gives what follows a position, also where offsets have gaps, and nothing where older records may be missing", () => {
  const recent = new RecentRecords();
  expect(recent.from(0)).toBeUndefined();
  recent.add([record(3), record(7), record(8)]);
  expect(recent.from(2)).toBeUndefined();
  expect(recent.from(3)?.map(({ offset }) => offset)).toEqual([3, 7, 8]);
  expect(recent.from(4)?.map(({ offset }) => offset)).toEqual([7, 8]);
  recent.clear();
  expect(recent.from(8)).toBeUndefined();
});

test("forgets the oldest beyond a thousand records, or a mebibyte of them", () => {
  const recent = new RecentRecords();
  recent.add(Array.from({ length: 1_500 }, (_, offset) => record(offset)));
  expect(recent.from(499)).toBeUndefined();
  expect(recent.from(500)?.length).toBe(1_000);
  recent.add([record(1_500, 600_000), record(1_501, 600_000)]);
  expect(recent.from(1_500)).toBeUndefined();
  expect(recent.from(1_501)?.length).toBe(1);
});
