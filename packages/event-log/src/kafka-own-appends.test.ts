import { expect, test } from "vitest";
import type { LogRecord } from "./event-log.ts";
import { OwnAppends } from "./kafka-own-appends.ts";

const record = (offset: number): LogRecord => ({ offset, timestamp: 0, key: null, value: null, headers: {} });
const offsets = (records: readonly LogRecord[]) => records.map(({ offset }) => offset);

test("a reader gets what follows its position, and learns of others' records by the gap they leave", async () => {
  const appends = new OwnAppends();
  const reader = appends.reader();
  expect(reader.mayBeNext).toBe(false);
  appends.begin();
  expect(reader.mayBeNext).toBe(true);
  const changed = reader.changed();
  appends.end([record(5), record(6)]);
  await changed;
  // It has had the first of them by a fetch.
  expect(offsets(reader.take(6))).toEqual([6]);
  appends.begin();
  appends.end([record(9)]);
  appends.begin();
  expect(offsets(reader.take(7))).toEqual([]);
  expect(reader.mayBeNext).toBe(false);
  expect(offsets(reader.take(9))).toEqual([9]);
  expect(reader.mayBeNext).toBe(true);
  const failed = reader.changed();
  appends.end(undefined);
  await failed;
  expect(reader.mayBeNext).toBe(false);
});

test("a reader that does not take what waits for it has to fetch", () => {
  const appends = new OwnAppends();
  const reader = appends.reader();
  for (let offset = 0; offset < 2_001; offset++) {
    appends.begin();
    appends.end([record(offset)]);
  }
  expect(reader.take(0)).toEqual([]);
  reader.close();
});
