import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { monotonicMs } from "./clock.ts";

/** Milliseconds of each of `count` appends of `bytes` that are on disk when they return, as the embedded log does them. */
export function durableAppends(folder: string, count: number, bytes: number): number[] {
  const database = new DatabaseSync(join(folder, "floor.sqlite"));
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE records (id INTEGER PRIMARY KEY, value BLOB)");
    const append = database.prepare("INSERT INTO records (value) VALUES (?)");
    const value = new Uint8Array(bytes);
    return Array.from({ length: count }, () => {
      const began = monotonicMs();
      append.run(value);
      return monotonicMs() - began;
    });
  } finally {
    database.close();
  }
}

/** What an Envoy itself says it took to apply updates of its routes, in whole milliseconds: `[p50, p99]`, or null if it does not say. */
export async function envoyApplyTime(adminPort: number): Promise<{ p50: number; p99: number } | null> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats?usedonly&filter=rds.*update_duration`)).text();
  const at = (percentile: string) => Number(new RegExp(`update_duration: .*?P${percentile}\\([^,]+,([^)]+)\\)`).exec(text)?.[1] ?? NaN);
  const [p50, p99] = [at("50"), at("99")];
  return Number.isNaN(p50) || Number.isNaN(p99) ? null : { p50, p99 };
}
