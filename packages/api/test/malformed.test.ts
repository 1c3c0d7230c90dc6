import type { Violation } from "@atoll/resource";
import { expect, test } from "vitest";
import { problemBody } from "../src/index.ts";
import { type Reply, mesh, planeWithMesh, timeout } from "./fake-plane.ts";

const put = "PUT /meshes/default/timeouts/t77";
const document = timeout("t77");
const text = JSON.stringify(document);

interface Case {
  line?: string;
  body?: unknown;
  headers?: Record<string, string>;
  status: number;
  /** Whole text for plain answers, else the detail or the first violation `field: reason`. */
  says: string;
}

const cases: Record<string, Case> = {
  "not JSON": { body: '{"type": ', status: 400, says: 'invalid Timeout object: "unexpected end of JSON input"' },
  empty: { body: "", status: 400, says: 'invalid Timeout object: "unexpected end of JSON input"' },
  "a stray comma": {
    body: "{,\n}",
    status: 400,
    says: `invalid Timeout object: "invalid character ',' looking for beginning of object key string"`,
  },
  "text after the document": {
    body: `${text}x`,
    status: 400,
    says: `invalid Timeout object: "invalid character 'x' after top-level value"`,
  },
  "a list": {
    body: "[]",
    status: 400,
    says: 'invalid Timeout object: "json: cannot unmarshal array into Go value of type v1alpha1.ResourceMeta"',
  },
  "a number for a name": {
    body: { ...document, name: 4 },
    status: 400,
    says: 'invalid Timeout object: "json: cannot unmarshal number into Go struct field ResourceMeta.name of type string"',
  },
  "a text for a list": {
    body: { ...document, sources: "x" },
    status: 400,
    says: 'invalid Timeout object: "json: cannot unmarshal string into Go value of type []json.RawMessage"',
  },
  "a bad duration": {
    body: { ...document, conf: { connectTimeout: "soon" } },
    status: 400,
    says: 'invalid Timeout object: "bad Duration: time: invalid duration \\"soon\\""',
  },
  "labels that are no map": { body: { ...document, labels: 3 }, status: 400, says: "invalid Timeout object" },
  "a label that is no text": { body: { ...document, labels: { a: 1 } }, status: 400, says: "of type string" },
  "very deep JSON": { body: "[".repeat(100_000), status: 400, says: 'invalid Timeout object: "exceeded max depth"' },
  "5 MB": { body: `"${"x".repeat(5_000_000)}"`, status: 413, says: "the body is larger than 4194304 bytes" },
  "another name": { body: { ...document, name: "other" }, status: 400, says: "name: name from the URL has to be the same as in body" },
  "another mesh": { body: { ...document, mesh: "other" }, status: 400, says: "mesh: mesh from the URL has to be the same as in body" },
  "another type": { body: { ...document, type: "Retry" }, status: 400, says: "type: type from the URL has to be the same as in body" },
  "no type": { body: { ...document, type: "" }, status: 400, says: "type: type from the URL has to be the same as in body" },
  "no name": { body: { ...document, name: undefined }, status: 400, says: "name: name from the URL has to be the same as in body" },
  "a name that is too long": {
    line: `PUT /meshes/default/timeouts/${"a".repeat(254)}`,
    body: { ...document, name: "a".repeat(254) },
    status: 400,
    says: "name: value length must less or equal 253",
  },
  "a name with capitals": {
    line: "PUT /meshes/default/timeouts/T77",
    body: { ...document, name: "T77" },
    status: 400,
    says: "name: invalid characters. A lowercase RFC 1123 subdomain",
  },
  "a bad label value": { body: { ...document, labels: { a: "b c" } }, status: 400, says: 'labels["a"]: a valid label must be' },
  "an unknown origin": {
    body: { ...document, labels: { "kuma.io/origin": "moon" } },
    status: 400,
    says: 'labels["kuma.io/origin"]: unknown resource origin "moon"',
  },
  "no destinations": { body: { ...document, destinations: undefined }, status: 400, says: "destinations: must have at least one element" },
  "an unknown mesh": { line: "PUT /meshes/moon/timeouts/t77", body: { ...document, mesh: "moon" }, status: 404, says: "Not found" },
  "another content type": { body: "{}", headers: { "content-type": "text/plain" }, status: 415, says: "415: Unsupported Media Type" },
  "any content type": { body: "{}", headers: { "content-type": "*/*" }, status: 415, says: "415: Unsupported Media Type" },
  "one of several content types": {
    body: "",
    headers: { "content-type": "text/plain, application/json" },
    status: 400,
    says: 'invalid Timeout object: "unexpected end of JSON input"',
  },
  "no content type": { body: text, headers: { "content-type": "" }, status: 415, says: "415: Unsupported Media Type" },
  "another accept": {
    line: "GET /meshes/default/timeouts",
    headers: { accept: "text/html" },
    status: 406,
    says: "406: Not Acceptable\n\nAvailable representations: application/json",
  },
  "an unknown path": { line: "GET /nothing/here", status: 404, says: "404: Page Not Found" },
  "an unknown collection": { line: "GET /meshes/default/widgets", status: 404, says: "404: Page Not Found" },
  "a verb it has not": { line: "POST /meshes/default/timeouts/t77", body: "{}", status: 405, says: "405: Method Not Allowed" },
  "a write to an insight": {
    line: "PUT /meshes/default/dataplane-insights/x",
    body: "{}",
    status: 405,
    says: "On global control plane you can not modify",
  },
  "a write of a zone's resource": {
    line: "PUT /meshes/default/dataplanes/x",
    body: "{}",
    status: 405,
    says: "On global control plane you can not modify",
  },
  "a size that is no number": { line: "GET /meshes/default/timeouts?size=many", status: 400, says: "size: invalid format" },
  "a size that is too big": {
    line: "GET /meshes/default/timeouts?size=1001",
    status: 400,
    says: "size: invalid page size of 1001. Maximum page size is 1000",
  },
  "an offset that is no number": { line: "GET /meshes/default/timeouts?offset=x", status: 400, says: "offset: Invalid format" },
  "a filter of something else": {
    line: "GET /meshes/default/timeouts?filter[x]=1",
    status: 400,
    says: "/meshes/{mesh}/timeouts.filter[x]: filters are only supported on labels",
  },
  "an unknown format": {
    line: "GET /meshes/default?format=xml",
    status: 400,
    says: ': "format" must be one of ["k8s", "kubernetes", "universal"]',
  },
  "a revision that is none": { body: document, headers: { "if-match": "soon" }, status: 400, says: "If-Match: must be a revision" },
  "a mesh name that is too long": {
    line: `PUT /meshes/${"m".repeat(64)}`,
    body: mesh("m".repeat(64)),
    status: 400,
    says: "name: cannot be longer than 63 characters",
  },
  "a CA of an unknown type": {
    line: "PUT /meshes/m",
    body: mesh("m", { mtls: { enabledBackend: "a", backends: [{ name: "a", type: "moon" }] } }),
    status: 400,
    says: "mtls.backends[0].type: could not find installed plugin for this type",
  },
  "a provided CA of nothing": {
    line: "PUT /meshes/m",
    body: mesh("m", { mtls: { enabledBackend: "a", backends: [{ name: "a", type: "provided" }] } }),
    status: 400,
    says: "mtls.backends[0].conf.cert: has to be defined",
  },
  "a signing key that is none": {
    line: "PUT /meshes/default/secrets/dataplane-token-signing-key-default-2",
    body: { type: "Secret", mesh: "default", name: "dataplane-token-signing-key-default-2", data: "c2VjcmV0" },
    status: 400,
    says: "data: has to be an RSA private key",
  },
};

/** What a refusal says: the router's plain text, else the first violation or the detail of the error body. */
function saying({ body }: Reply): string {
  if (typeof body === "string") return body;
  const first = body.invalid_parameters?.[0];
  return first === undefined ? body.detail : `${first.field}: ${first.reason}`;
}

/** The error body with those of its fields that repeat others filled in from them. */
function completed({ status, body }: Reply): unknown {
  if (typeof body === "string") return body;
  const { title, detail, invalid_parameters: violations } = body as { title: string; detail: string; invalid_parameters?: Violation[] };
  return problemBody({ status, title, detail, violations });
}

test.each(Object.entries(cases))("%s is refused and changes nothing", async (_name, { line = put, body, headers, status, says }) => {
  const { request, config, errors } = await planeWithMesh();
  const before = config.state.checksum();
  const reply = await request(line, body, { headers });
  expect({ status: reply.status, body: reply.body }).toEqual({ status, body: completed(reply) });
  expect(saying(reply)).toContain(says);
  expect(reply.headers["content-type"]).toBe(typeof reply.body === "string" ? "text/plain; charset=utf-8" : "application/json");
  expect(config.state.checksum()).toBe(before);
  expect(errors).toEqual([]);
});

test("405 names the methods that are served", async () => {
  const { request } = await planeWithMesh();
  expect((await request("POST /meshes/default/timeouts/t77", "{}")).headers["allow"]).toBe("PUT, DELETE, GET");
  expect((await request("DELETE /meshes/default/timeouts")).headers["allow"]).toBe("GET");
});
