import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit";
import { expect, test } from "vitest";
import { RotatingFile } from "./rotating-file.ts";

const day = 24 * 60 * 60_000;

test("a full file is put aside under its time; those that are too many or too old go", () => {
  using folder = scratchFolder();
  let now = Date.parse("2026-11-01T10:20:30.400Z");
  const path = join(folder.path, "logs", "dp.log");
  const rotation = { path, maxSizeBytes: 10, maxRetainedFiles: 2, maxAgeMs: 3 * day };
  const open = () => new RotatingFile(rotation, () => new Date(now));
  const file = open();
  file.write("first\n");
  file.write("1234\n");
  expect(readdirSync(join(folder.path, "logs"))).toEqual(["dp-2026-11-01T10-20-30.400.log", "dp.log"]);
  expect(readFileSync(path, "utf8")).toBe("1234\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  now += day;
  // What an earlier process wrote counts.
  open().write("third\n");
  now += 60_000;
  file.write("12345678901234567890\n");
  const asides = () => readdirSync(join(folder.path, "logs")).filter((name) => name !== "dp.log");
  expect(asides()).toHaveLength(2);
  now += 4 * day;
  open().write("last\n");
  expect(asides()).toEqual(["dp-2026-11-06T10-21-30.400.log"]);
});
