import { statSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect, test } from "vitest";
import { openDatabase } from "./database.ts";

test("the journal has its full size before the first append, and the database holds nothing of that", () => {
  using folder = scratchFolder();
  const path = join(folder.path, "log.sqlite");
  const first = openDatabase(path);
  try {
    const reserved = statSync(`${path}-wal`).size;
    expect(reserved).toBeGreaterThan(4_000_000);
    expect(first.prepare("SELECT count(*) AS count FROM sqlite_schema").get()).toEqual({ count: 0 });
    first.exec("CREATE TABLE records(value TEXT)");
    for (let number = 0; number < 100; number++) first.prepare("INSERT INTO records VALUES (?)").run("x".repeat(1_000));
    expect(statSync(`${path}-wal`).size).toBe(reserved);
  } finally {
    first.close();
  }
  expect(statSync(path).size).toBeLessThan(1_000_000);
  const again = openDatabase(path);
  try {
    expect(again.prepare("SELECT count(*) AS count FROM records").get()).toEqual({ count: 100 });
  } finally {
    again.close();
  }
});
