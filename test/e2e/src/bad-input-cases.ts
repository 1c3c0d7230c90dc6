import { jsonHeaders, type RestCall } from "./rest.ts";

type Violation = [field: string, reason: string];

/** The standard error body, key by key: https://kuma.io/docs/2.10.x/reference/http-api/ */
export const problem = (status: number, title: string, detail: string, violations: Violation[] = []) => ({
  type: "/std-errors",
  status,
  title,
  detail,
  ...(violations.length > 0 && { invalid_parameters: violations.map(([field, reason]) => ({ field, reason })) }),
  details: detail,
  ...(violations.length > 0 && { causes: violations.map(([field, message]) => ({ field, message })) }),
});
const notValid = (...violations: Violation[]) => problem(400, "Could not process a resource", "Resource is not valid", violations);
const badRequest = (detail: string) => problem(400, "Bad Request", detail);

interface Case {
  what: string;
  call: RestCall & { path: string };
  status: number;
  /** The whole body: a problem, or plain text. */
  body: object | string;
}

export const put = (path: string, document: unknown, headers: Record<string, string> = {}) => ({
  path,
  method: "PUT",
  headers: { ...jsonHeaders, ...headers },
  body: typeof document === "string" ? document : JSON.stringify(document),
});
export const post = (path: string, body: unknown, more: RestCall = {}) => ({
  path,
  method: "POST",
  headers: jsonHeaders,
  body: typeof body === "string" ? body : JSON.stringify(body),
  ...more,
});
const every = [{ match: { "kuma.io/service": "*" } }];
export const timeout = (more: object = {}) => ({
  type: "Timeout",
  mesh: "default",
  name: "t",
  sources: every,
  destinations: every,
  conf: { connectTimeout: "5s" },
  ...more,
});
const gateway = (listeners: unknown[]) => ({
  type: "MeshGateway",
  mesh: "default",
  name: "g",
  selectors: [{ match: { "kuma.io/service": "g" } }],
  conf: { listeners },
});
const route = (rules: unknown[]) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "r",
  selectors: [{ match: { "kuma.io/service": "g" } }],
  conf: { http: { rules } },
});
const external = (tags: object, networking?: object) => ({ type: "ExternalService", mesh: "default", name: "e", tags, networking });
const timeouts = "/meshes/default/timeouts/t";
const subdomain =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const readOnly =
  "On global control plane you can not modify dataplane resources with 'kumactl apply' or via the HTTP API. You can still use 'kumactl' or the HTTP API to modify them on the zone control plane.\n";
const anonymous = 'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access';
export const stranger = { from: "127.0.0.2" };

export const cases: Case[] = [
  // Bodies
  {
    what: "broken JSON",
    call: put(timeouts, '{"type":"Timeout",'),
    status: 400,
    body: badRequest('invalid Timeout object: "unexpected end of JSON input"'),
  },
  { what: "no body", call: put(timeouts, ""), status: 400, body: badRequest('invalid Timeout object: "unexpected end of JSON input"') },
  {
    what: "a text for a list",
    call: put(timeouts, timeout({ sources: "all" })),
    status: 400,
    body: badRequest('invalid Timeout object: "json: cannot unmarshal string into Go value of type []json.RawMessage"'),
  },
  {
    what: "a bad duration",
    call: put(timeouts, timeout({ conf: { connectTimeout: "soon" } })),
    status: 400,
    body: badRequest('invalid Timeout object: "bad Duration: time: invalid duration \\"soon\\""'),
  },
  {
    what: "5 MB",
    call: put(timeouts, timeout({ filler: "x".repeat(5_000_000) })),
    status: 413,
    body: problem(413, "Request entity too large", "the body is larger than 4194304 bytes"),
  },
  {
    what: "YAML with its own content type",
    call: { ...put(timeouts, "type: Timeout\n"), headers: { "content-type": "application/yaml" } },
    status: 415,
    body: "415: Unsupported Media Type",
  },
  { what: "no content type", call: { ...put(timeouts, timeout()), headers: {} }, status: 415, body: "415: Unsupported Media Type" },
  {
    what: "a secret that is not base64",
    call: put("/meshes/default/secrets/s", { type: "Secret", mesh: "default", name: "s", data: "%%%" }),
    status: 400,
    body: badRequest('invalid Secret object: "illegal base64 data at input byte 0"'),
  },
  // Where it is put
  {
    what: "an unknown mesh",
    call: put("/meshes/moon/timeouts/t", timeout({ mesh: "moon" })),
    status: 404,
    body: problem(404, "Failed to retrieve Mesh", "Not found"),
  },
  {
    what: "another name than the URL's",
    call: put(timeouts, timeout({ name: "u" })),
    status: 400,
    body: notValid(["name", "name from the URL has to be the same as in body"]),
  },
  {
    what: "another mesh than the URL's",
    call: put(timeouts, timeout({ mesh: "payments" })),
    status: 400,
    body: notValid(["mesh", "mesh from the URL has to be the same as in body"]),
  },
  {
    what: "another type than the URL's",
    call: put(timeouts, timeout({ type: "Retry" })),
    status: 400,
    body: notValid(["type", "type from the URL has to be the same as in body"]),
  },
  {
    what: "a name with capitals",
    call: put("/meshes/default/timeouts/T", timeout({ name: "T" })),
    status: 400,
    body: notValid(["name", subdomain]),
  },
  {
    what: "a mesh name that is too long",
    call: put(`/meshes/${"m".repeat(64)}`, { type: "Mesh", name: "m".repeat(64) }),
    status: 400,
    body: problem(400, "Could not create a resource", "Resource is not valid", [["name", "cannot be longer than 63 characters"]]),
  },
  { what: "an unknown path", call: { path: "/meshes/default/moons" }, status: 404, body: "404: Page Not Found" },
  { what: "a method that is not there", call: post("/meshes", {}), status: 405, body: "405: Method Not Allowed" },
  {
    what: "what only a zone may write",
    call: put("/meshes/default/dataplanes/d", { type: "Dataplane", mesh: "default", name: "d" }),
    status: 405,
    body: problem(405, "Method not allowed", readOnly),
  },
  // What is in it
  {
    what: "nothing to time out",
    call: put(timeouts, timeout({ conf: { http: {} } })),
    status: 400,
    body: notValid(["conf.http", "at least one timeout in section has to be defined"]),
  },
  {
    what: "bad ports and TLS, each listener's own",
    call: put(
      "/meshes/default/meshgateways/g",
      gateway([
        { port: 70_000, protocol: "HTTP" },
        { port: 80, protocol: "HTTPS" },
      ]),
    ),
    status: 400,
    body: notValid(["conf.listeners[0].port", "port must be in the range [1, 65535]"], ["conf.listeners[1].tls", "cannot be empty"]),
  },
  {
    what: "a relative path and a destination that is no service",
    call: put(
      "/meshes/default/meshgatewayroutes/r",
      route([{ matches: [{ path: { match: "PREFIX", value: "orders" } }], backends: [{ weight: 1, destination: { version: "v1" } }] }]),
    ),
    status: 400,
    body: notValid(
      ["conf.http.rules[0].matches[0].value", "must be an absolute path"],
      ["conf.http.rules[0].backends[0]", 'mandatory tag "kuma.io/service" is missing'],
    ),
  },
  {
    what: "a redirect to nowhere with backends",
    call: put(
      "/meshes/default/meshgatewayroutes/r",
      route([
        {
          matches: [{ path: { match: "PREFIX", value: "/" } }],
          filters: [{ redirect: { statusCode: 200 } }],
          backends: [{ weight: 1, destination: { "kuma.io/service": "x" } }],
        },
      ]),
    ),
    status: 400,
    body: notValid(
      ["conf.http.rules[0].filters[0].redirect.status_code", "must be in the range [300, 308]"],
      ["conf.http.rules[0].backends", "must be empty when using redirect filters"],
    ),
  },
  {
    what: "zoneEgress without mutual TLS",
    call: put("/meshes/m", { type: "Mesh", name: "m", routing: { zoneEgress: true } }),
    status: 400,
    body: notValid(["mtls", "has to be set when zoneEgress enabled"]),
  },
  {
    what: "an mTLS backend that is not there",
    call: put("/meshes/m", { type: "Mesh", name: "m", mtls: { enabledBackend: "b" } }),
    status: 400,
    body: notValid(["mtls.enabledBackend", "has to be set to one of the backends in the mesh"]),
  },
  {
    what: "an external service with a bad port, protocol and address",
    call: put(
      "/meshes/default/external-services/e",
      external({ "kuma.io/service": "x", "kuma.io/protocol": "smtp" }, { address: "x:99999" }),
    ),
    status: 400,
    body: notValid(
      ["networking.address", "port must be in the range [1, 65535]"],
      ['tags["kuma.io/protocol"]', 'tag "kuma.io/protocol" has an invalid value "smtp". Allowed values: grpc, http, http2, kafka, tcp'],
      ['tags["kuma.io/service"]', "cannot be the same as networking.address"],
    ),
  },
  {
    what: "a permission for nobody",
    call: put("/meshes/default/traffic-permissions/p", { type: "TrafficPermission", mesh: "default", name: "p", destinations: every }),
    status: 400,
    body: notValid(["sources", "must have at least one element"]),
  },
  // Conditions and queries
  {
    what: "an If-Match that is no revision",
    call: put(timeouts, timeout(), { "if-match": "newest" }),
    status: 400,
    body: badRequest('If-Match: must be a revision, such as "42"'),
  },
  {
    what: "an If-Match of what is not there",
    call: put(timeouts, timeout(), { "if-match": '"3"' }),
    status: 409,
    body: problem(409, "Conflict", 'Timeout "t" of mesh "default" does not exist'),
  },
  {
    what: "a delete of what is not there",
    call: { path: timeouts, method: "DELETE" },
    status: 404,
    body: problem(404, "Could not delete a resource", "Not found"),
  },
  {
    what: "a page that is too large",
    call: { path: "/meshes?size=1001" },
    status: 400,
    body: problem(400, "Could not retrieve resources", "Invalid page size", [
      ["size", "invalid page size of 1001. Maximum page size is 1000"],
    ]),
  },
  {
    what: "a change set with one bad document",
    call: post("/changes", { resources: [timeout(), { type: "Moon", name: "x" }] }),
    status: 400,
    body: badRequest('invalid change set: resources[1]: unknown type "Moon"'),
  },
  {
    what: "a change set whose second document is not valid",
    call: post("/changes", { resources: [timeout(), timeout({ name: "u", sources: [] })] }),
    status: 400,
    body: problem(400, "Could not process a change set", "Resource is not valid", [
      ["resources[1].sources", "must have at least one element"],
    ]),
  },
  // Tokens and who asks
  { what: "a token request that is not JSON", call: post("/tokens/dataplane", "{"), status: 400, body: "" },
  {
    what: "a dataplane token for no mesh",
    call: post("/tokens/dataplane", { name: "d" }),
    status: 400,
    body: problem(400, "Invalid request", "Resource is not valid", [["mesh", "cannot be empty"]]),
  },
  {
    what: "a dataplane token for an unknown mesh",
    call: post("/tokens/dataplane", { mesh: "moon" }),
    status: 404,
    body: problem(
      404,
      "Signing Key not found",
      'there is no signing key with KID 1. Secret of name "dataplane-token-signing-key-moon-1" in mesh "moon" is not found. If signing key was rotated, regenerate the token',
    ),
  },
  {
    what: "a zone token without scope",
    call: post("/tokens/zone", { zone: "east" }),
    status: 400,
    body: problem(400, "Invalid request", "Resource is not valid", [["scope", "cannot be empty"]]),
  },
  {
    what: "a user token for nobody, for an unknown time",
    call: post("/tokens/user", { validFor: "soon" }),
    status: 400,
    body: problem(400, "Invalid request", "Resource is not valid", [
      ["name", "cannot be empty"],
      ["validFor", 'is invalid: time: invalid duration "soon"'],
      ["validFor", "cannot be empty or nil"],
    ]),
  },
  {
    what: "secrets, asked for by a stranger",
    call: { path: "/meshes/default/secrets", ...stranger },
    status: 403,
    body: problem(403, "Access Denied", `${anonymous} the resource of type "Secret"`),
  },
  {
    what: "a zone token, asked for by a stranger",
    call: post("/tokens/zone", { zone: "east", scope: ["cp"] }, stranger),
    status: 403,
    body: problem(403, "Access Denied", `${anonymous} generate zone token for zone 'east'`),
  },
  {
    what: "a bearer that is no token",
    call: { path: "/meshes", headers: { authorization: "Bearer abc" }, ...stranger },
    status: 401,
    body: problem(401, "Invalid authentication data", "Unauthenticated: the token is not a signed JWT"),
  },
];
