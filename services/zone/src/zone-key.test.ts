import { mkdtempSync } from "node:fs";
import type * as promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SealingKey } from "@atoll/secret";
import { expect, test, vi } from "vitest";
import { ZoneKeyStore } from "./zone-key.ts";

const steps: string[] = [];

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof promises>();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const file = await real.open(...args);
      const sync = file.sync.bind(file);
      file.sync = () => {
        steps.push(`sync ${String(args[0]).split("/").at(-1)}`);
        return sync();
      };
      return file;
    },
    rename: (from: string, to: string) => {
      steps.push(`rename ${from.split("/").at(-1)}`);
      return real.rename(from, to);
    },
  };
});

test("a checkpoint is on disk before it takes the place of the former one, and is read again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zone-key-"));
  const key = SealingKey.generate();
  const store = await ZoneKeyStore.open(folder);
  steps.length = 0;
  await store.write({ zone: "east", clusterId: "one", key });
  expect(steps).toEqual(["sync checkpoint.json.new", "rename checkpoint.json.new"]);
  const read = await (await ZoneKeyStore.open(folder)).read();
  expect(read).toMatchObject({ zone: "east", clusterId: "one" });
  expect(read!.key.export()).toBe(key.export());
});
