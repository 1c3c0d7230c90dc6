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

test("a wrong setting is named with its variable", () => {
  const load = () => loadSettings(schema, { env: { ATOLL_API_SERVER_HTTP_PORT: "x", ATOLL_API_SERVER_HTTP_ENABLED: "yes" } });
  expect(load).toThrow(SettingsError);
  expect(load).toThrow(/apiServer\.http\.port \(ATOLL_API_SERVER_HTTP_PORT\)/);
  expect(load).toThrow(/ATOLL_API_SERVER_HTTP_ENABLED/);
});
