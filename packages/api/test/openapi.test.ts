import { expect, test } from "vitest";
import { type ApiOptions, apiRoutes } from "../src/index.ts";
import { createPlane, planeWithMesh, timeout } from "./fake-plane.ts";

type Json = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- a document read from outside

const documentOf = async (mode: "global" | "zone"): Promise<Json> =>
  (await createPlane({ settings: { mode, zone: "east" } }).request("GET /openapi.json")).body as Json;

const methods = ["get", "put", "post", "delete"];
const operationsOf = (document: Json): [string, string, Json][] =>
  Object.entries(document["paths"] as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, operation]): [string, string, Json] => [path, method, operation as Json]),
  );

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "$ref") yield inner as string;
    else yield* referencesIn(inner);
  }
}

const resolve = (document: Json, pointer: string): unknown =>
  pointer
    .replace("#/", "")
    .split("/")
    .reduce<unknown>((node, part) => (node as Json | undefined)?.[part], document);

test.each(["global", "zone"] as const)("the document of a %s holds to the rules of OpenAPI 3.1", async (mode) => {
  const document = await documentOf(mode);
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: expect.any(String), version: expect.any(String) } });
  for (const pointer of new Set(referencesIn(document))) expect(resolve(document, pointer), pointer).toBeTypeOf("object");
  const ids = new Set<string>();
  const templates = new Set<string>();
  for (const [path, method, operation] of operationsOf(document)) {
    const where = `${method} ${path}`;
    expect(methods, where).toContain(method);
    expect(path, where).toMatch(/^\//);
    expect(ids.has(operation["operationId"] as string), `${where}: operationId ${operation["operationId"]} twice`).toBe(false);
    ids.add(operation["operationId"] as string);
    const parameters = ((operation["parameters"] ?? []) as Json[]).map((each) =>
      each["$ref"] === undefined ? each : (resolve(document, each["$ref"] as string) as Json),
    );
    const inPath = parameters.filter((each) => each["in"] === "path");
    expect(
      inPath.map((each) => each["name"]),
      where,
    ).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    expect(
      inPath.every((each) => each["required"] === true),
      where,
    ).toBe(true);
    const names = parameters.map((each) => `${each["in"]} ${each["name"]}`);
    expect(new Set(names).size, where).toBe(names.length);
    for (const parameter of parameters) expect(parameter["schema"], where).toBeTypeOf("object");
    const responses = operation["responses"] as Json;
    expect(Object.keys(responses).length, where).toBeGreaterThan(0);
    for (const [status, response] of Object.entries(responses)) {
      expect(status, where).toMatch(/^([1-5]\d\d|default)$/);
      expect((response as Json)["description"], where).toBeTypeOf("string");
    }
    templates.add(path.replaceAll(/\{\w+\}/g, "{}"));
  }
  // Templates that differ in the names of their parameters only are one path.
  expect(templates.size).toBe(Object.keys(document["paths"] as Json).length);
});

test("every route is described, and no other", async () => {
  const { config } = createPlane();
  const options = { settings: { mode: "global" }, config } as unknown as ApiOptions;
  const described = operationsOf(await documentOf("global")).map(([path, method]) => `${method.toUpperCase()} ${path}`);
  const served = apiRoutes(options).map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect(described.toSorted()).toEqual([...new Set(served)].toSorted());
});

test("what is served is what the document says", async () => {
  const { request } = await planeWithMesh();
  const document = (await request("GET /openapi.json")).body as Json;
  await request("PUT /meshes/default/timeouts/t", timeout("t"));
  const schemaOf = (path: string, method: string, status: number) => {
    const response = (document["paths"] as Json)[path][method].responses[status] as Json;
    return resolve(document, response["content"]["application/json"].schema["$ref"] as string) as Json;
  };
  const missing = (schema: Json, body: Json) => (schema["required"] as string[]).filter((field) => !(field in body));
  const item = (await request("GET /meshes/default/timeouts/t")).body as Json;
  const forms = schemaOf("/meshes/{mesh}/timeouts/{name}", "get", 200)["anyOf"] as Json[];
  const schema = resolve(document, forms[0]!["$ref"] as string) as Json;
  const kubernetes = (await request("GET /meshes/default/timeouts/t?format=k8s")).body as Json;
  expect(missing(resolve(document, forms[1]!["$ref"] as string) as Json, kubernetes)).toEqual([]);
  expect(missing(schema, item)).toEqual([]);
  expect(item["type"]).toBe(schema["properties"].type.const);
  expect(missing(schemaOf("/meshes/{mesh}/timeouts", "get", 200), (await request("GET /meshes/default/timeouts")).body as Json)).toEqual(
    [],
  );
  const problem = (await request("GET /meshes/default/timeouts/none")).body as Json;
  expect(missing(resolve(document, "#/components/schemas/Problem") as Json, problem)).toEqual([]);
  expect(missing(schemaOf("/changes", "post", 200), (await request("POST /changes", { resources: [timeout("u")] })).body as Json)).toEqual(
    [],
  );
});
