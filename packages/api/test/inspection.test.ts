import { expect, test } from "vitest";
import { FakeZoneStore, planeWithMesh } from "./fake-plane.ts";

test("proxies are inspected by the name of their home, and failures are told", async () => {
  const asked: unknown[] = [];
  const proxies = {
    inspect: async (proxy: unknown, query: unknown) => {
      asked.push([proxy, query]);
      if ((query as { subject: string }).subject === "clusters") throw new Error("zone is offline");
      return (query as { subject: string }).subject === "explain" ? '{"kind":"sidecar"}' : "{}";
    },
    appliedRevisions: () => ({ west: { applied: 1, proxies: 2 }, east: { applied: null, proxies: 0 } }),
    watchApplied: () => () => {},
  };
  const plane = await planeWithMesh({ proxies });
  const west = new FakeZoneStore();
  plane.zones.set("west", west);
  await west.put({ type: "Dataplane", mesh: "default", name: "web-1", spec: { networking: { address: "10.0.0.1" } } });
  const { name } = (await plane.request("GET /meshes/default/dataplanes")).body.items[0];
  const path = `/meshes/default/dataplanes/${name}`;
  expect(await plane.request(`GET ${path}/xds?include_eds=true`)).toMatchObject({
    status: 200,
    text: "{}",
    headers: { "content-type": "application/json" },
  });
  expect(await plane.request(`GET ${path}/stats`)).toMatchObject({ status: 200, headers: { "content-type": "text/plain" } });
  expect((await plane.request(`GET ${path}/clusters`)).body).toMatchObject({
    status: 400,
    title: "Could not execute admin operation",
    detail: "zone is offline",
  });
  expect((await plane.request(`GET ${path}/_explain`)).body).toEqual({ kind: "sidecar" });
  expect(asked.at(-1)).toEqual([{ type: "Dataplane", zone: "west", mesh: "default", name: "web-1" }, { subject: "explain" }]);
  expect((await plane.request("GET /meshes/default/dataplanes/no/_explain")).body).toMatchObject({
    status: 404,
    title: "Could not get dataplane resource",
  });
  expect((await plane.request(`GET ${path}/moon`)).status).toBe(404);
  expect((await plane.request(`GET ${path}/_config?include=diff`)).body).toEqual({ diff: [], xds: {} });
  expect(asked.at(-1)?.[1]).toEqual({ subject: "config", shadow: false });
  expect(asked[0]).toEqual([
    { type: "Dataplane", zone: "west", mesh: "default", name: "web-1" },
    { subject: "config-dump", includeEds: true },
  ]);
  expect((await plane.request("GET /revisions/1/status")).body).toEqual({
    revision: 1,
    done: true,
    zones: [
      { name: "east", proxies: 0, applied: null, done: true },
      { name: "west", proxies: 2, applied: 1, done: true },
    ],
  });
});
