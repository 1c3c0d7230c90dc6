import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EmbeddedLog, topics } from "@atoll/event-log";
import { ConfigReplica, decodeChangeSet, encodeJson } from "@atoll/replica";
import { expect, test } from "vitest";
import { z } from "zod";
import { changeSetJsonSchema } from "../src/history/change-set-schema.ts";
import { createApi } from "../src/index.ts";
import { planeOptions } from "./fake-plane.ts";

const file = fileURLToPath(new URL("../../../docs/change-set.schema.json", import.meta.url));

/** A reader that knows nothing but the file. */
const byTheFile = () => z.fromJSONSchema(JSON.parse(readFileSync(file, "utf8")) as never);

test("the schema in docs/ is that of the code (ATOLL_UPDATE_SCHEMA=true writes it, `npm run format` formats it)", () => {
  if (process.env["ATOLL_UPDATE_SCHEMA"] === "true") writeFileSync(file, JSON.stringify(changeSetJsonSchema(), undefined, 2));
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(changeSetJsonSchema());
});

test("records that the REST API makes are read by that file alone", async () => {
  const log = await EmbeddedLog.open({ path: ":memory:" });
  const config = await ConfigReplica.open({ log });
  const api = createApi({ ...planeOptions().options, config });
  try {
    const url = await api.listen({ host: "127.0.0.1", port: 0 });
    const call = async (method: string, path: string, body?: object) => {
      const answer = await fetch(url + path, {
        method,
        ...(body && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
      expect([path, answer.status < 300, await answer.text()]).toEqual([path, true, expect.anything()]);
    };
    const all = [{ match: { "kuma.io/service": "*" } }];
    await call("PUT", "/meshes/default", { type: "Mesh", name: "default" });
    await call("PUT", "/meshes/default/secrets/one", { type: "Secret", mesh: "default", name: "one", data: "aGVsbG8gd29ybGQ=" });
    await call("PUT", "/meshes/default/timeouts/slow", {
      type: "Timeout",
      mesh: "default",
      name: "slow",
      sources: all,
      destinations: all,
      conf: { connectTimeout: "5s" },
    });
    await call("DELETE", "/meshes/default/timeouts/slow");
    const schema = byTheFile();
    const records: unknown[] = [];
    const stop = new AbortController();
    const head = await log.head(topics.config);
    for await (const batch of log.read(topics.config, 0, stop.signal)) {
      records.push(...batch.map(({ value }) => JSON.parse(Buffer.from(value!).toString("utf8")) as unknown));
      if (records.length >= head) break;
    }
    stop.abort();
    expect(records.length).toBeGreaterThanOrEqual(4);
    for (const record of records) expect(schema.safeParse(record).error?.issues).toBeUndefined();
    expect(records.at(-1)).toMatchObject({ changes: [{ op: "delete", key: { type: "Timeout", mesh: "default", name: "slow" } }] });
    expect(JSON.stringify(records)).not.toContain("aGVsbG8gd29ybGQ=");
  } finally {
    await api.close();
    await config.close();
    await log.close();
  }
});

const good = { id: "1", at: "2026-01-01T00:00:00Z", author: "jane", changes: [], expect: [] };
const draft = { type: "Timeout", mesh: "default", name: "slow", spec: {} };

test.each<[string, unknown]>([
  ["nothing", null],
  ["without an id", { ...good, id: undefined }],
  ["with an empty id", { ...good, id: "" }],
  ["without changes", { ...good, changes: undefined }],
  ["a change of another kind", { ...good, changes: [{ op: "merge", resource: draft }] }],
  ["a resource without a name", { ...good, changes: [{ op: "put", resource: { ...draft, name: undefined } }] }],
  ["an expectation without a revision", { ...good, expect: [{ key: "Timeout/default/slow" }] }],
])("what every process takes for no change set is none by the file: %s", (_, record) => {
  expect(() => decodeChangeSet(encodeJson(record))).toThrow();
  expect(byTheFile().safeParse(record).success).toBe(false);
});

test("what every process takes is taken by the file, with fields that nobody knows yet, too", () => {
  const record = {
    ...good,
    changes: [
      { op: "put", resource: draft },
      { op: "delete", key: draft },
    ],
    later: true,
  };
  expect(decodeChangeSet(encodeJson(record))).toEqual(record);
  expect(byTheFile().safeParse(record).error?.issues).toBeUndefined();
});
