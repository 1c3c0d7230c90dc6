import { expect, test } from "vitest";
import { goQuote, kindOf, parseDocument, parseJson, renderDocument, validateMeta } from "../src/index.ts";

const time = "2026-01-02T03:04:05.678Z";
const stored = { mesh: "default", name: "a", creationTime: time, modificationTime: time, revision: 3 };

test("a universal document has its keys in the order type, mesh, name, times, labels, spec", () => {
  const spec = { sources: [], destinations: [], conf: { connectTimeout: "2s" } };
  const document = renderDocument({ ...stored, type: "Timeout", labels: { b: "1", a: "2" }, spec });
  expect(JSON.stringify(document)).toBe(
    `{"type":"Timeout","mesh":"default","name":"a","creationTime":"${time}","modificationTime":"${time}","labels":{"a":"2","b":"1"},"sources":[],"destinations":[],"conf":{"connectTimeout":"2s"}}`,
  );
});

test("a global kind names no mesh, and empty labels are left out", () => {
  expect(Object.keys(renderDocument({ ...stored, mesh: "", type: "Zone", labels: {}, spec: { enabled: false } }))).toEqual([
    "type",
    "name",
    "creationTime",
    "modificationTime",
    "enabled",
  ]);
});

test("a plugin kind keeps its spec nested", () => {
  const document = renderDocument({ ...stored, type: "MeshTimeout", spec: { to: [] } });
  expect(document).toMatchObject({ type: "MeshTimeout", mesh: "default", spec: { to: [] } });
});

test("the Kubernetes form leaves labels out and tells the mesh beside the spec", () => {
  const document = renderDocument({ ...stored, type: "Timeout", labels: { team: "a" }, spec: { conf: {} } }, "kubernetes");
  expect(JSON.stringify(document)).toBe(
    '{"kind":"Timeout","apiVersion":"kuma.io/v1alpha1","metadata":{"name":"a","creationTimestamp":"2026-01-02T03:04:05Z"},"mesh":"default","spec":{"conf":{}}}',
  );
});

test("namespaced kinds, plugin kinds and secrets have their own Kubernetes forms", () => {
  const metadata = { name: "a", namespace: "kuma-system", creationTimestamp: "2026-01-02T03:04:05Z" };
  const labels = { "kuma.io/mesh": "default" };
  expect(renderDocument({ ...stored, type: "MeshRetry", spec: {} }, "kubernetes")).toEqual({
    kind: "MeshRetry",
    apiVersion: "kuma.io/v1alpha1",
    metadata: { ...metadata, labels },
    spec: {},
  });
  expect(renderDocument({ ...stored, type: "Secret", spec: { data: "YWJj" } }, "kubernetes")).toEqual({
    kind: "Secret",
    apiVersion: "v1",
    metadata: { ...metadata, labels },
    data: { value: "YWJj" },
    type: "system.kuma.io/secret",
  });
  expect(renderDocument({ ...stored, mesh: "", type: "ZoneIngress", spec: {} }, "kubernetes", "shop")).toMatchObject({
    metadata: { namespace: "shop" },
  });
});

test("the kind of the URL decides how a body is read, not its type", () => {
  const body = { type: "Timeout", name: "a", enabled: "no" };
  expect(parseDocument(body, { kind: kindOf("Zone") })).toEqual({
    ok: false,
    parseError: "json: cannot unmarshal string into Go value of type bool",
  });
});

test("a mesh that is not named is the default one only where the caller says so", () => {
  const document = { type: "TrafficTrace", name: "a", selectors: [{ match: { a: "b" } }] };
  expect(parseDocument(document)).toMatchObject({ resource: { mesh: "" } });
  expect(parseDocument(document, { defaultMesh: "default" })).toMatchObject({ resource: { mesh: "default" } });
});

test("a request's URL and body must agree", () => {
  const draft = { type: "Timeout", mesh: "a", name: "b" };
  expect(validateMeta(draft, { url: { type: "Retry", mesh: "c", name: "d" } })).toEqual([
    { field: "name", reason: "name from the URL has to be the same as in body" },
    { field: "type", reason: "type from the URL has to be the same as in body" },
    { field: "mesh", reason: "mesh from the URL has to be the same as in body" },
  ]);
  expect(validateMeta({ type: "Zone", mesh: "", name: "b" }, { url: { type: "Zone", mesh: "", name: "b" } })).toEqual([]);
});

test("on a zone, labels may not claim another place, and names leave room for the zone's", () => {
  const draft = { type: "MeshTimeout", mesh: "default", name: "a".repeat(249), labels: { "kuma.io/zone": "west" } };
  expect(validateMeta(draft, { zone: "east" }).map(({ field }) => field)).toEqual([
    "name",
    'labels["kuma.io/origin"]',
    'labels["kuma.io/zone"]',
  ]);
});

test("names like __proto__ are kept as tags and change nothing else", () => {
  const body = JSON.parse(
    '{"type":"TrafficTrace","mesh":"default","name":"a","labels":{"__proto__":"x"},"selectors":[{"match":{"__proto__":"x"}}]}',
  );
  const parsed = parseDocument(body);
  expect(JSON.stringify(parsed)).toContain('"match":{"__proto__":"x"}');
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test("free-form settings are limited in depth", () => {
  const nested = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
  const body = JSON.parse(`{"type":"Mesh","name":"m","mtls":{"backends":[{"name":"a","type":"builtin","conf":${nested}}]}}`);
  expect(parseDocument(body)).toEqual({ ok: false, parseError: "exceeded max depth" });
  expect(parseDocument({ type: "MeshRetry", mesh: "m", name: "a", spec: JSON.parse(nested) })).toMatchObject({
    parseError: "exceeded max depth",
  });
});

test("the fields that every document has are found in any case of their letters, the last one holds, the first fault is told", () => {
  const spec = { SOURCES: [], sources: [{ match: { "kuma.io/service": "*" } }], destinations: [{ match: { "kuma.io/service": "*" } }] };
  const mixed = { TYPE: "Timeout", type: "TrafficPermission", Mesh: "m", nAmE: "n", LABELS: { a: "1" }, labels: { b: "2" }, ...spec };
  expect(parseDocument(mixed)).toMatchObject({
    ok: true,
    resource: { type: "TrafficPermission", mesh: "m", name: "n", labels: { a: "1", b: "2" }, spec: { sources: [{}] } },
  });
  expect(parseDocument({ ...mixed, Name: 1, type: "TrafficPermission", MESH: [] })).toEqual({
    ok: false,
    parseError: "json: cannot unmarshal number into Go struct field ResourceMeta.name of type string",
  });
  expect(parseDocument({ Name: 1, creationTime: 5 })).toEqual({
    ok: false,
    parseError: "Time.UnmarshalJSON: input is not a JSON string",
  });
});

test.each([
  ['{"type": ', "unexpected end of JSON input"],
  ["", "unexpected end of JSON input"],
  ["  ", "unexpected end of JSON input"],
  ["{a: 1}", "invalid character 'a' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a": 1 "b"}', "invalid character '\"' after object key:value pair"],
  ["[1 2]", "invalid character '2' after array element"],
  ["[1,]", "invalid character ']' looking for beginning of value"],
  ["{} x", "invalid character 'x' after top-level value"],
  ["tru}", "invalid character '}' in literal true (expecting 'e')"],
  ['"\n"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
  ["-a", "invalid character 'a' in numeric literal"],
  ["1.x", "invalid character 'x' after decimal point in numeric literal"],
  ["1e+", "invalid character ' ' in exponent of numeric literal"],
  ["1ex", "invalid character 'x' in exponent of numeric literal"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ["nul", "invalid character ' ' in literal null (expecting 'l')"],
  ["ä", "invalid character 'Ã' looking for beginning of value"],
  ["{}\u0007", "invalid character '\\a' after top-level value"],
  ["{}‐", "invalid character 'â' after top-level value"],
])("broken JSON %j: %s", (text, parseError) => {
  expect(parseJson(text)).toEqual({ ok: false, parseError });
});

test("endless nesting is refused without an end", () => {
  expect(parseJson("[".repeat(200_000))).toMatchObject({ ok: false });
});

test("a parser's text is quoted as Go quotes it", () => {
  expect(goQuote('bad Duration: time: invalid duration "soon"\n')).toBe('"bad Duration: time: invalid duration \\"soon\\"\\n"');
});
