import { HistoryError } from "@atoll/replica";
import { expect, test } from "vitest";
import { mesh, planeOptions, planeWithMesh, timeout } from "./fake-plane.ts";
import { createApi } from "../src/index.ts";

const seconds = (value: string) => ({ conf: { connectTimeout: value } });

/** Revision 1: the mesh; 2: t at 1s; 3: t at 2s, 4: u; 5: t is gone; 6: the mesh, too. */
async function planeWithPast() {
  const plane = await planeWithMesh();
  await plane.request("PUT /meshes/default/timeouts/t", timeout("t", "default", seconds("1s")));
  await plane.request("PUT /meshes/default/timeouts/t", timeout("t", "default", seconds("2s")));
  await plane.request("PUT /meshes/default/timeouts/u", timeout("u", "default", seconds("9s")));
  await plane.request("DELETE /meshes/default/timeouts/t");
  await plane.request("DELETE /meshes/default/timeouts/u");
  await plane.request("DELETE /meshes/default");
  return plane;
}

test("a resource and a list, as they were", async () => {
  const { request } = await planeWithPast();
  expect(await request("GET /meshes/default/timeouts/t?revision=2")).toMatchObject({
    status: 200,
    headers: { "atoll-at-revision": "2", etag: '"2"' },
    body: { name: "t", conf: { connectTimeout: "1s" } },
  });
  expect((await request("GET /meshes/default/timeouts/t?revision=3")).body).toMatchObject({ conf: { connectTimeout: "2s" } });
  const list = async (revision: number) =>
    (await request(`GET /meshes/default/timeouts?revision=${revision}`)).body.items?.map(({ name }: { name: string }) => name);
  expect([await list(1), await list(2), await list(4), await list(5), await list(6)]).toEqual([[], ["t"], ["t", "u"], ["u"], []]);
  expect((await request("GET /meshes/default/timeouts?revision=7")).status).toBe(404);
  expect((await request("GET /meshes/default/timeouts/t?revision=1")).status).toBe(404);
  expect((await request("GET /meshes?revision=1")).body.items).toHaveLength(1);
  expect((await request("GET /meshes?revision=0")).body.items).toHaveLength(0);
});

test("by time", async () => {
  const { request, config } = await planeWithPast();
  config.records.forEach(({ changeSet }, i) => (changeSet.at = `2026-01-01T00:00:0${i + 1}Z`));
  const at = async (time: string) => (await request(`GET /meshes/default/timeouts/t?at=${time}`)).body.conf?.connectTimeout;
  expect([await at("2026-01-01T00:00:02Z"), await at("2026-01-01T00:00:03.999Z"), await at("2026-01-01T00:00:05Z")]).toEqual([
    "1s",
    "2s",
    undefined,
  ]);
});

test.each([
  ["/meshes/default/timeouts/t?revision=soon", 400, 'query parameter revision: must be a revision, such as "42"'],
  ["/meshes/default/timeouts/t?at=yesterday", 400, "query parameter at: must be an RFC 3339 time"],
  ["/meshes?revision=1&at=2026-01-01T00:00:00Z", 400, "query parameters revision, at: only one of them"],
  ["/meshes/default/dataplanes?revision=1", 400, "of Dataplanes only the newest is kept, in the log of their zone"],
  ["/meshes?revision=99", 404, "Not found"],
])("%s answers %i", async (path, status, detail) => {
  const { request } = await planeWithPast();
  const answer = await request(`GET ${path}`);
  expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(detail)]);
});

test("history that was given up is gone, not broken", async () => {
  const { options, config } = planeOptions();
  const api = createApi(options);
  await api.inject({ method: "PUT", url: "/meshes/default", payload: mesh("default"), headers: { "content-type": "application/json" } });
  await api.inject({ method: "PUT", url: "/meshes/other", payload: mesh("other"), headers: { "content-type": "application/json" } });
  const gone = () => Promise.reject(new HistoryError("revision 1 is no longer in the log"));
  Object.assign(config, { at: gone, revisionAt: gone });
  for (const query of ["revision=1", "at=2026-01-01T00:00:00Z"]) expect((await api.inject(`/meshes?${query}`)).statusCode).toBe(410);
});

test("a secret of the past is for whom one of today is", async () => {
  const { request } = await planeWithMesh();
  await request("PUT /meshes/default/secrets/s", { type: "Secret", mesh: "default", name: "s", data: "b25l" });
  await request("PUT /meshes/default/secrets/s", { type: "Secret", mesh: "default", name: "s", data: "dHdv" });
  expect((await request("GET /meshes/default/secrets/s?revision=2")).body.data).toBe("b25l");
  const elsewhere = { remoteAddress: "10.0.0.1" };
  expect((await request("GET /meshes/default/secrets/s?revision=2", undefined, elsewhere)).status).toBe(403);
});
