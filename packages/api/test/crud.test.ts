import { expect, test } from "vitest";
import { mesh, planeWithMesh, time, timeout } from "./fake-plane.ts";

const notFound = (title: string) => ({ type: "/std-errors", status: 404, title, detail: "Not found", details: "Not found" });

test("a resource is created, read, updated, read as Kubernetes, deleted", async () => {
  const { request, config } = await planeWithMesh();
  const created = await request("PUT /meshes/default/timeouts/t71", timeout("t71", "default", { labels: { team: "a" } }));
  expect(created).toMatchObject({ status: 201, text: "{}\n", headers: { "content-type": "application/json", "atoll-revision": "2" } });

  const read = await request("GET /meshes/default/timeouts/t71");
  expect(read).toMatchObject({ status: 200, headers: { etag: '"2"' } });
  expect(read.text).toBe(`{
 "type": "Timeout",
 "mesh": "default",
 "name": "t71",
 "creationTime": "${time}",
 "modificationTime": "${time}",
 "labels": {
  "kuma.io/mesh": "default",
  "team": "a"
 },
 "sources": [
  {
   "match": {
    "kuma.io/service": "x"
   }
  }
 ],
 "destinations": [
  {
   "match": {
    "kuma.io/service": "y"
   }
  }
 ],
 "conf": {
  "connectTimeout": "1.500s"
 }
}
`);

  const update = timeout("t71", "default", { conf: { connect_timeout: "2s", http: { request_timeout: "3s" }, unknownField: 1 } });
  expect(await request("PUT /meshes/default/timeouts/t71", update)).toMatchObject({ status: 200, text: "{}\n" });
  expect((await request("GET /meshes/default/timeouts/t71")).body).toMatchObject({
    labels: { "kuma.io/mesh": "default" },
    conf: { connectTimeout: "2s", http: { requestTimeout: "3s" } },
  });
  expect((await request("GET /meshes/default/timeouts/t71?format=kubernetes")).body).toMatchObject({
    kind: "Timeout",
    apiVersion: "kuma.io/v1alpha1",
    metadata: { name: "t71" },
    mesh: "default",
    spec: { conf: { connectTimeout: "2s", http: { requestTimeout: "3s" } } },
  });

  expect(await request("DELETE /meshes/default/timeouts/t71")).toMatchObject({ status: 200, text: "{}\n" });
  expect(await request("GET /meshes/default/timeouts/t71")).toMatchObject({ status: 404, body: notFound("Could not retrieve a resource") });
  expect(await request("DELETE /meshes/default/timeouts/t71")).toMatchObject({
    status: 404,
    body: notFound("Could not delete a resource"),
  });
  expect(config.records.map(({ changeSet }) => changeSet.author)).toEqual(Array(4).fill("mesh-system:admin"));
});

test("a mesh that is not there is 404 for every verb", async () => {
  const { request, config } = await planeWithMesh();
  const body = notFound("Failed to retrieve Mesh");
  expect((await request("PUT /meshes/no/timeouts/t", timeout("t", "no"))).body).toEqual(body);
  expect((await request("GET /meshes/no/timeouts/t")).body).toEqual(body);
  expect((await request("GET /meshes/no/timeouts")).body).toEqual(body);
  expect((await request("DELETE /meshes/no/timeouts/t")).body).toEqual(body);
  expect(config.revision).toBe(1);
});

test("every fault of a request is said at once", async () => {
  const { request } = await planeWithMesh();
  const { status, body } = await request(
    "PUT /meshes/default/timeouts/foo",
    timeout("t$", "def$ault", { type: "Retry", labels: { "a b": "c d" } }),
  );
  expect(status).toBe(400);
  expect(body).toMatchObject({ title: "Could not process a resource", detail: "Resource is not valid" });
  expect(body.invalid_parameters.map(({ field }: { field: string }) => field)).toEqual([
    "name",
    "type",
    "mesh",
    'labels["a b"]',
    'labels["a b"]',
    "name",
    "mesh",
  ]);
  expect(body.causes).toEqual(body.invalid_parameters.map(({ field, reason }: Record<string, string>) => ({ field, message: reason })));
});

test("lists page, filter and link to what follows", async () => {
  const { request } = await planeWithMesh();
  await request("PUT /meshes/other", mesh("other"));
  for (const [name, colour] of [
    ["a", "red"],
    ["b", "blue"],
    ["c", "red"],
  ] as const) {
    await request(`PUT /meshes/default/timeouts/p79-${name}`, timeout(`p79-${name}`, "default", { labels: { colour } }));
  }
  await request("PUT /meshes/other/timeouts/p79-a", timeout("p79-a", "other"));
  const names = async (path: string) => {
    const { body } = await request(`GET ${path}`, undefined, { headers: { host: "cp:5681" } });
    return [body.total, body.items.map(({ name }: { name: string }) => name), body.next];
  };
  expect(await names("/meshes/default/timeouts")).toEqual([3, ["p79-a", "p79-b", "p79-c"], null]);
  expect(await names("/meshes/default/timeouts?size=2")).toEqual([
    3,
    ["p79-a", "p79-b"],
    "http://cp:5681/meshes/default/timeouts?offset=2&size=2",
  ]);
  expect(await names("/meshes/default/timeouts?size=2&offset=2")).toEqual([3, ["p79-c"], null]);
  expect(await names("/meshes/default/timeouts?size=2&offset=9")).toEqual([3, [], null]);
  expect(await names("/timeouts?size=3")).toEqual([4, ["p79-a", "p79-b", "p79-c"], "http://cp:5681/timeouts?offset=3&size=3"]);
  for (const size of ["0", "-1"]) expect(await names(`/timeouts?size=${size}`)).toEqual([4, ["p79-a", "p79-b", "p79-c", "p79-a"], null]);
  expect(await names("/meshes/default/timeouts?name=79-b")).toEqual([1, ["p79-b"], null]);
  expect(await names("/meshes/default/timeouts?filter%5Blabels.colour%5D=red&size=1")).toEqual([
    2,
    ["p79-a"],
    "http://cp:5681/meshes/default/timeouts?filter%5Blabels.colour%5D=red&offset=1&size=1",
  ]);
  expect((await request("GET /meshes/default/traffic-traces")).text).toBe('{\n "total": 0,\n "items": [],\n "next": null\n}\n');
});

test("a name that is no DNS label is accepted with a warning", async () => {
  const { request } = await planeWithMesh();
  const { status, body } = await request("PUT /meshes/aa.a", mesh("aa.a"));
  expect(status).toBe(201);
  expect(body.warnings).toHaveLength(1);
  expect(body.warnings[0]).toContain("Invalid Mesh resource name: 'aa.a'.");
});

test("no list is without bound: a size of 0 is the largest page, and next leads on", async () => {
  const { config, request } = await planeWithMesh();
  await Promise.all(Array.from({ length: 1_001 }, (_, index) => request(`PUT /meshes/default/timeouts/t${index}`, timeout(`t${index}`))));
  expect(config.list("Timeout")).toHaveLength(1_001);
  for (const size of ["0", "-1", "1000"]) {
    const { body } = await request(`GET /meshes/default/timeouts?size=${size}`);
    expect([body.total, body.items.length, new URL(body.next).searchParams.get("offset")]).toEqual([1_001, 1_000, "1000"]);
  }
});
