import { type Kind, kinds } from "@atoll/resource";
import { type Route, json } from "./call.ts";
import { components, reference } from "./openapi-schemas.ts";
import type { ApiOptions } from "./ports.ts";

/** The routes of this process as an OpenAPI document: https://spec.openapis.org/oas/v3.1.0 */
export function openApiRoute(routes: readonly Route[], { settings }: ApiOptions): Route {
  const path = "/openapi.json";
  const route: Route = { method: "GET", path, run: () => json(document) };
  const document = openApiDocument([...routes, route], settings.version ?? "2.10.11");
  return route;
}

export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const item = (paths[templateOf(route.path)] ??= {});
    item[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Atoll REST API",
      version,
      summary: "Configuration, history and inspection of an Atoll control plane",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{}, { userToken: [] }],
    paths,
    components,
  };
}

const templateOf = (path: string) => path.replace(/:(\w+)/g, "{$1}");

/** In plain text where the request does not get as far as its route. */
const refusal = {
  description: "Why the request was refused.",
  content: { "application/json": { schema: reference("Problem") }, "text/plain": { schema: { type: "string" } } },
};

interface Shape {
  tag: string;
  summary: string;
  query?: readonly string[];
  headers?: readonly string[];
  body?: string;
  /** By status; a name is that of a schema, null an answer without one. */
  answers: Record<number, string | null>;
  /** Media type of the answer, if it is not JSON. */
  gives?: string;
}

function operation(route: Route): object {
  const { method, path } = route;
  const { tag, summary, query = [], headers = [], body, answers, gives } = shapeOf(route);
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...[...query, ...headers].map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: { "application/json": { schema: reference(body) } } } }),
    ...(route.open && { security: [{}] }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, schema]) => [status, answer(Number(status), schema, gives)])),
      default: refusal,
    },
  };
}

/** `getMeshesMeshTimeoutsName`: unique, as no two routes share method and path. */
const operationId = (method: string, path: string): string =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("") +
  // `/a+b`, `/a-b` and `/a/b` must not become one.
  [...path.matchAll(/[+_-]/g)].map(([sign]) => ({ "+": "Plus", "-": "Dash", _: "Under" })[sign]).join("");

const descriptions: Record<number, string> = { 200: "Done.", 201: "Created." };

function answer(status: number, schema: string | null, gives = "application/json"): object {
  const isText = gives === "text/plain";
  return {
    description: descriptions[status],
    headers: { "Atoll-Revision": { $ref: "#/components/headers/AtollRevision" } },
    ...(schema !== null && { content: { [gives]: { schema: isText ? { type: "string" } : reference(schema) } } }),
  };
}

const conditional = ["IfMatch", "IfNoneMatch", "AtollReason"];
const waiting = ["wait", "timeout"];
const past = ["revision", "at"];
const paging = ["size", "offset", "name"];

/** Routes by path, for what a kind does not say. */
const special: readonly { path: RegExp; shape: Shape }[] = [
  {
    path: /^\/tokens\/revoke$/,
    shape: {
      tag: "tokens",
      summary: "Revoke what a selection names, as one revision",
      query: [...waiting, "dry_run"],
      body: "Revocation",
      answers: { 200: "Object" },
    },
  },
  {
    path: /^\/tokens$/,
    shape: {
      tag: "tokens",
      summary: "What tokens were issued",
      query: ["size", "offset", "token_kind", "mesh", "subject", "token_state"],
      answers: { 200: "Object" },
    },
  },
  {
    path: /^\/tokens\//,
    shape: { tag: "tokens", summary: "Issue a token", body: "TokenRequest", answers: { 200: "" }, gives: "text/plain" },
  },
  {
    path: /^\/changes$/,
    shape: {
      tag: "history",
      summary: "Several changes as one revision",
      query: [...waiting, "dry_run", "proxies", ...past],
      body: "ChangeSet",
      answers: { 200: "Changed" },
    },
  },
  {
    path: /^\/rollouts\/:name\//,
    shape: { tag: "history", summary: "Take a roll-out further, hold it, or end it", body: "RolloutStep", answers: { 200: "Rollout" } },
  },
  { path: /^\/rollouts\/:name$/, shape: { tag: "history", summary: "One roll-out, and what it waits for", answers: { 200: "Rollout" } } },
  { path: /^\/zone-pins$/, shape: { tag: "history", summary: "Zones that stay at a revision", answers: { 200: "ZonePins" } } },
  {
    path: /^\/zones\/:name\/(pin|release)$/,
    shape: { tag: "history", summary: "Let a zone stay at a revision, or go on", body: "PinAt", answers: { 200: "Object" } },
  },
  {
    path: /\/rollback$/,
    shape: {
      tag: "history",
      summary: "Restore a revision as a new one",
      query: [...waiting, "dry_run", "proxies"],
      body: "Rollback",
      answers: { 200: "Changed" },
    },
  },
  {
    path: /^\/diff$/,
    shape: { tag: "history", summary: "What differs between two revisions", query: ["from", "to", "proxies"], answers: { 200: "Object" } },
  },
  { path: /^\/revisions$/, shape: { tag: "history", summary: "The newest revisions", query: ["from", "to"], answers: { 200: "Object" } } },
  {
    path: /\/status$/,
    shape: { tag: "history", summary: "Where a revision is applied", query: waiting, answers: { 200: "RevisionStatus" } },
  },
  { path: /^\/revisions\//, shape: { tag: "history", summary: "One revision", answers: { 200: "Object" } } },
  {
    path: /\/_explain$/,
    shape: {
      tag: "inspection",
      summary: "Which resources and policies made each part of a proxy's configuration",
      query: past,
      answers: { 200: "Explanation" },
    },
  },
  {
    path: /quarantine$/,
    shape: {
      tag: "inspection",
      summary: "What is withheld from proxies whose Envoys would not take it, and why",
      answers: { 200: "Object" },
    },
  },
  {
    path: /\/:view$/,
    shape: { tag: "inspection", summary: "What a proxy's Envoy says", query: ["format", "include_eds"], answers: { 200: null } },
  },
  {
    path: /(_overview|insights?|overviews)(\/:name)?$/,
    shape: { tag: "overviews", summary: "What is observed", query: paging, answers: { 200: "Object" } },
  },
  {
    path: /\/(policies|rules|_rules|_config|_hostnames|dataplanes)$/,
    shape: { tag: "inspection", summary: "What acts where", answers: { 200: "Object" } },
  },
];

const changeFeed: Shape = {
  tag: "history",
  summary: "Every change after a revision as it happens, as server-sent events whose id is the revision",
  query: ["after", "kind", "mesh", "feed_name", "zone", "observed"],
  headers: ["LastEventId"],
  answers: { 200: "ServerSentEvent" },
  gives: "text/event-stream",
};

/** Where a path is two things. */
const rollouts: Partial<Record<Route["method"], Shape>> = {
  GET: { tag: "history", summary: "Roll-outs, those under way first", answers: { 200: "Rollouts" } },
  POST: {
    tag: "history",
    summary: "Begin a roll-out: several changes that take effect in stages",
    query: ["dry_run", "proxies"],
    body: "NewRollout",
    answers: { 200: "Changed", 201: "Rollout" },
  },
};

function shapeOf(route: Route): Shape {
  const { method, path } = route;
  if (path === "/rollouts") return rollouts[method]!;
  if (route.gives !== undefined) return changeFeed;
  const kind = kindAt(path);
  if (kind === undefined || kind.readOnly) {
    const found = special.find(({ path: pattern }) => pattern.test(path))?.shape;
    if (method !== "PUT" && method !== "DELETE")
      return found ?? { tag: "control plane", summary: "About this control plane", answers: { 200: null } };
  }
  const { type, displayName } = kind!;
  const tag = type;
  if (!path.endsWith("/:name")) {
    const filters = type === "Dataplane" ? ["tag", "gateway"] : type === "ExternalService" ? ["tag"] : [];
    return { tag, summary: `List ${displayName.plural}`, query: [...paging, ...filters, ...past], answers: { 200: `${type}List` } };
  }
  if (method === "GET")
    return { tag, summary: `One ${displayName.singular}`, query: ["format", ...past], answers: { 200: `${type}Forms` } };
  const query = kind!.readOnly ? [] : waiting;
  if (method === "DELETE")
    return { tag, summary: `Delete a ${displayName.singular}`, query, headers: conditional, answers: { 200: "Written" } };
  const summary = `Create or update a ${displayName.singular}`;
  return { tag, summary, query, headers: conditional, body: type, answers: { 200: "Written", 201: "Written" } };
}

/** The kind whose collection or item this is. */
const kindAt = (path: string): Kind | undefined =>
  kinds.find(({ path: own, scope }) => {
    const collections = scope === "mesh" ? [`/${own}`, `/meshes/:mesh/${own}`] : [`/${own}`];
    return own !== "" && collections.some((collection) => path === collection || path === `${collections.at(-1)}/:name`);
  });
