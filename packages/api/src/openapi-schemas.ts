import { type Kind, kinds } from "@atoll/resource";

export const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const text = { type: "string" };
const integer = { type: "integer" };
const texts = { type: "array", items: text };
const object = { type: "object" };
const inQuery = (name: string, schema: object, description: string, more: object = {}) => ({
  name,
  in: "query",
  description,
  schema,
  ...more,
});
const inHeader = (name: string, description: string) => ({ name, in: "header", description, schema: text });
const ofProperties = (properties: Record<string, object>, required: readonly string[] = []) => ({
  type: "object",
  ...(required.length > 0 && { required }),
  properties,
});

const parameters = {
  size: inQuery("size", { type: "integer", minimum: 0, maximum: 1000 }, "How many at most; 0 = as many as there may be, 1000."),
  offset: inQuery("offset", text, "Where to go on, as `next` of the page before says."),
  name: inQuery("name", text, "Part of the name."),
  tag: inQuery("tag", texts, "`key:value`; the value may be a part.", { explode: true }),
  gateway: inQuery(
    "gateway",
    { type: "string", enum: ["", "true", "false", "builtin", "delegated"] },
    "Only gateways of this sort, or none.",
  ),
  format: inQuery("format", { type: "string", enum: ["", "universal", "k8s", "kubernetes", "text", "json"] }, "Form of the answer."),
  include_eds: inQuery("include_eds", text, "With endpoints, in a configuration dump."),
  wait: inQuery(
    "wait",
    { type: "string", enum: ["", "applied"] },
    "Answer when every live proxy of every zone has acknowledged the change.",
  ),
  dry_run: inQuery("dry_run", { type: "boolean" }, "Check everything and answer what would change, without writing it."),
  proxies: inQuery("proxies", { type: "boolean" }, "Also how the connected proxies of every zone differ, grouped by equal change."),
  timeout: inQuery("timeout", text, "How long to wait, such as 10s; at most 10m."),
  revision: inQuery("revision", text, "Answer from the configuration as it was at this revision."),
  at: inQuery("at", text, "Answer from the configuration as it was at this time (RFC 3339)."),
  from: inQuery("from", text, "A revision."),
  to: inQuery("to", text, "A revision."),
  after: inQuery("after", text, "A revision; absent = the newest."),
  kind: inQuery("kind", text, "Kinds, separated by commas."),
  mesh: inQuery("mesh", text, "Meshes, separated by commas."),
  feed_name: inQuery("name", text, "Names of resources, separated by commas."),
  zone: inQuery("zone", text, "Zones that wrote the resource, separated by commas; deletions pass."),
  observed: inQuery("observed", { type: "boolean" }, "Also an event whenever zones say something else: of which kinds."),
  token_kind: inQuery("kind", { type: "string", enum: ["", "dataplane", "zone", "user"] }, "Only tokens of this kind."),
  token_state: inQuery("state", { type: "string", enum: ["", "valid", "expired", "revoked"] }, "Only tokens in this state."),
  subject: inQuery("subject", text, "Only tokens of this dataplane, zone or user."),
  LastEventId: inHeader("Last-Event-ID", "Revision of the last event that was seen; goes before `after`."),
  IfMatch: inHeader("If-Match", "Revision the resource must be at, in quotes, or `*`."),
  IfNoneMatch: inHeader("If-None-Match", "`*`: the resource must not be there yet."),
  AtollReason: inHeader("Atoll-Reason", "Why, for the history."),
};

const meta = {
  mesh: text,
  name: text,
  labels: { type: "object", additionalProperties: text },
  creationTime: { type: "string", format: "date-time", readOnly: true },
  modificationTime: { type: "string", format: "date-time", readOnly: true },
};

function kindSchema({ type, scope, plugin, hasStatus }: Kind): object {
  return {
    type: "object",
    required: ["type", "name", ...(scope === "mesh" ? ["mesh"] : []), ...(plugin ? ["spec"] : [])],
    properties: { type: { const: type }, ...meta, ...(plugin && { spec: object }), ...(hasStatus && { status: object }) },
    additionalProperties: true,
  };
}

const listOf = (type: string) => ({
  type: "object",
  required: ["total", "items", "next"],
  properties: { total: integer, items: { type: "array", items: reference(type) }, next: { type: ["string", "null"], format: "uri" } },
});

/** Why a part of a proxy is as it is: what it was made from, and how each kind of policy was chosen. */
const reasons = {
  from: { type: "array", items: ofProperties({ type: text, mesh: text, name: text, revision: integer, section: text }) },
  policies: { type: "array", items: reference("PolicyChoice") },
};
const many = (properties: Record<string, object>) => ({ type: "array", items: ofProperties(properties) });

const stage = ofProperties(
  {
    zones: texts,
    share: { type: "number", exclusiveMinimum: 0, maximum: 100 },
    gate: ofProperties({
      minTime: text,
      errors: { type: "array", items: ofProperties({ cluster: text, maxPercent: { type: "number" } }, ["cluster", "maxPercent"]) },
    }),
  },
  ["zones"],
);
const rolloutFields = { name: text, onFailure: { type: "string", enum: ["hold", "rollback"] }, stages: { type: "array", items: stage } };
const rollouts: Record<string, object> = {
  NewRollout: ofProperties(
    {
      ...rolloutFields,
      resources: { type: "array", items: reference("Resource") },
      delete: { type: "array", items: ofProperties({ type: text, mesh: text, name: text }, ["type", "name"]) },
      expect: { type: "object", additionalProperties: { type: ["integer", "null"] } },
      reason: text,
    },
    ["stages"],
  ),
  Rollout: ofProperties(
    {
      ...rolloutFields,
      ...{
        reason: text,
        author: text,
        state: text,
        progress: text,
        stage: integer,
        since: text,
        revision: integer,
        why: text,
        waits: texts,
      },
      changes: texts,
      zones: {
        type: "array",
        items: ofProperties({ name: text, share: { type: "number" }, proxies: integer, applied: { type: ["integer", "null"] } }),
      },
      steps: { type: "array", items: ofProperties({ at: text, stage: integer, state: text, author: text, why: text }) },
      warnings: texts,
    },
    ["name", "state", "progress", "stage", "stages", "changes", "zones"],
  ),
  Rollouts: ofProperties({ revision: integer, items: { type: "array", items: reference("Rollout") } }, ["items"]),
  ZonePin: ofProperties({ zone: text, revision: integer, since: text, author: text, reason: text, held: texts }, ["zone", "revision"]),
  ZonePins: ofProperties({ revision: integer, items: { type: "array", items: reference("ZonePin") } }, ["items"]),
  RolloutStep: ofProperties({ reason: text, stage: integer }),
  PinAt: ofProperties({ revision: integer, reason: text }),
};

const explanation: Record<string, object> = {
  PolicyChoice: ofProperties(
    {
      type: text,
      mesh: text,
      destination: { type: "object", additionalProperties: text },
      silent: { type: "boolean", description: "The chosen policy has nothing for this place." },
      candidates: many({
        name: text,
        revision: integer,
        verdict: {
          type: "string",
          enum: [
            "chosen",
            "acts",
            "sourcesDoNotMatch",
            "destinationsDoNotMatch",
            "selectorsDoNotMatch",
            "lessExact",
            "newer",
            "older",
            "laterName",
            "anyServiceFirst",
            "needsTrafficRoute",
            "wrongProtocol",
            "otherHost",
            "merged",
            "shadow",
            "targetDoesNotMatch",
            "replaced",
          ],
        },
        rank: ofProperties({ exact: integer, wildcard: integer }),
      }),
    },
    ["type", "mesh", "candidates"],
  ),
  Explanation: ofProperties(
    {
      revision: integer,
      acknowledged: integer,
      kind: { type: "string", enum: ["sidecar", "gateway", "ingress", "egress"] },
      mesh: text,
      name: text,
      zone: text,
      policies: reasons.policies,
      listeners: many({ name: text, address: text, port: integer, ...reasons, chains: many({ serverNames: texts, ...reasons }) }),
      routes: many({
        name: text,
        virtualHosts: many({
          name: text,
          domains: texts,
          ...reasons,
          routes: many({ match: object, action: text, clusters: many({ name: text, weight: integer }), ...reasons }),
        }),
      }),
      clusters: many({ name: text, ...reasons, endpoints: texts }),
      problems: many({ resource: text, reason: text }),
    },
    ["revision", "acknowledged", "kind", "name", "listeners", "routes", "clusters"],
  ),
};

const shown = kinds.filter(({ path }) => path !== "");

const schemas: Record<string, object> = {
  ...Object.fromEntries(shown.map((kind) => [kind.type, kindSchema(kind)])),
  ...Object.fromEntries(shown.map(({ type }) => [`${type}List`, listOf(type)])),
  ...Object.fromEntries(shown.map(({ type }) => [`${type}Forms`, { anyOf: [reference(type), reference("Kubernetes")] }])),
  Kubernetes: ofProperties({ apiVersion: text, kind: text, metadata: object, spec: object }, ["apiVersion", "kind", "metadata"]),
  Object: object,
  Resource: ofProperties({ type: { type: "string", enum: shown.map(({ type }) => type) }, ...meta }, ["type", "name"]),
  Written: ofProperties({ warnings: texts }),
  Problem: ofProperties(
    {
      type: text,
      status: integer,
      title: text,
      detail: text,
      instance: text,
      invalid_parameters: { type: "array", items: ofProperties({ field: text, reason: text }, ["field", "reason"]) },
    },
    ["type", "status", "title", "detail"],
  ),
  ChangeSet: ofProperties({
    resources: { type: "array", items: reference("Resource") },
    delete: { type: "array", items: ofProperties({ type: text, mesh: text, name: text }, ["type", "name"]) },
    expect: { type: "object", additionalProperties: { type: ["integer", "null"] } },
    reason: text,
  }),
  /** One of a stream of them: event `change`, `position`, `observed` or `gone`; `data` is JSON. */
  ServerSentEvent: ofProperties({ event: text, id: text, data: text, retry: integer }, ["data"]),
  Revocation: ofProperties({ ids: texts, kind: text, mesh: text, subject: text, issuedBefore: text, reason: text }),
  Rollback: ofProperties({ reason: text }),
  Changed: ofProperties(
    { revision: integer, dryRun: { type: "boolean" }, restored: integer, changed: texts, warnings: texts, fleet: object },
    ["revision", "changed"],
  ),
  RevisionStatus: ofProperties(
    {
      revision: integer,
      done: { type: "boolean" },
      zones: {
        type: "array",
        items: ofProperties({
          name: text,
          proxies: integer,
          applied: { type: ["integer", "null"] },
          done: { type: "boolean" },
          held: text,
        }),
      },
    },
    ["revision", "done", "zones"],
  ),
  ...rollouts,
  ...explanation,
  TokenRequest: ofProperties({
    name: text,
    mesh: text,
    tags: { type: "object", additionalProperties: texts },
    type: text,
    zone: text,
    scope: texts,
    groups: { type: ["array", "null"], items: text },
    validFor: text,
  }),
};

export const components = {
  schemas,
  parameters,
  headers: { AtollRevision: { description: "Revision of the configuration that the answer was made from.", schema: integer } },
  securitySchemes: { userToken: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
};
