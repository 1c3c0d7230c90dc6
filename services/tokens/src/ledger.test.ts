import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedLog } from "@atoll/event-log";
import { expect, test } from "vitest";
import { type IssuedToken, ledgerTopic } from "@atoll/token";
import { openLedger } from "./index.ts";

test("entries are in the log when append resolves, also after the log was opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-ledger-"));
  const path = join(folder, "log.db");
  const times = { issuedAt: "2026-03-01T12:00:00.000Z", expiresAt: "2026-03-02T12:00:00.000Z" };
  const entry = (jti: string): IssuedToken => ({ jti, kind: "zone", subject: "east", kid: "1", author: "admin", ...times });
  for (const jti of ["a", "b"]) {
    const log = await EmbeddedLog.open({ path });
    await (await openLedger(log)).append(entry(jti));
    await log.close();
  }
  const log = await EmbeddedLog.open({ path });
  const stop = new AbortController();
  const found: unknown[] = [];
  for await (const batch of log.read(ledgerTopic, 0, stop.signal)) {
    for (const { key, value } of batch) found.push([key, JSON.parse(Buffer.from(value ?? []).toString()) as IssuedToken]);
    if (batch.length === 0) stop.abort();
  }
  expect(found).toEqual([
    ["a", entry("a")],
    ["b", entry("b")],
  ]);
  await log.close();
  await rm(folder, { recursive: true });
});
