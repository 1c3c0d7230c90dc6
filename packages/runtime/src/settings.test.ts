import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit";
import { expect, test } from "vitest";
import { z } from "zod";
import { loadSettings, SettingsError } from "./settings.ts";

const schema = z.object({
  apiServer: z
    .object({ http: z.object({ port: z.int().min(0).max(65535).default(5681), enabled: z.boolean().default(true) }).prefault({}) })
    .prefault({}),
  name: z.string().optional(),
});

test("defaults, then KUMA_, then ATOLL_, then overrides", () => {
  expect(loadSettings(schema, { env: {} }).apiServer.http.port).toBe(5681);
  const env = { KUMA_API_SERVER_HTTP_PORT: "1", KUMA_API_SERVER_HTTP_ENABLED: "false" };
  expect(loadSettings(schema, { env }).apiServer.http).toEqual({ port: 1, enabled: false });
  expect(loadSettings(schema, { env: { ...env, ATOLL_API_SERVER_HTTP_PORT: "2" } }).apiServer.http.port).toBe(2);
  expect(loadSettings(schema, { env, overrides: { apiServer: { http: { port: 3 } } } }).apiServer.http).toEqual({
    port: 3,
    enabled: false,
  });
});

test("a file is YAML as Kuma reads it: what is merged in counts, and yes is true", () => {
  using folder = scratchFolder();
  const file = join(folder.path, "settings.yaml");
  writeFileSync(file, "x: &http {port: 010}\napiServer:\n  http: {<<: *http, enabled: no}\nname: 12\n");
  expect(loadSettings(schema, { file, env: {} })).toEqual({ apiServer: { http: { port: 8, enabled: false } }, name: "12" });
  writeFileSync(file, "apiServer:\n  http: {port: *nowhere}\n");
  expect(() => loadSettings(schema, { file, env: {} })).toThrow(`${file}: line 2, column 16: unknown anchor 'nowhere' referenced`);
  expect(() => loadSettings(schema, { file: folder.path, env: {} })).toThrow(`${folder.path}: is a directory`);
  writeFileSync(file, Buffer.from("\ufeffname: a", "utf16le"));
  expect(loadSettings(schema, { file, env: {} }).name).toBe("a");
});

test("a wrong setting is named with its variable", () => {
  const load = () => loadSettings(schema, { env: { ATOLL_API_SERVER_HTTP_PORT: "x", ATOLL_API_SERVER_HTTP_ENABLED: "yes" } });
  expect(load).toThrow(SettingsError);
  expect(load).toThrow(/apiServer\.http\.port \(ATOLL_API_SERVER_HTTP_PORT\)/);
  expect(load).toThrow(/ATOLL_API_SERVER_HTTP_ENABLED/);
});
