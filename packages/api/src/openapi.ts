import { kinds } from "@atoll/resource";
import { type Route, json } from "./call.ts";
import type { ApiOptions } from "./ports.ts";

/** The routes of this process as an OpenAPI document: https://spec.openapis.org/oas/v3.1.0 */
export function openApiRoute(routes: readonly Route[], { settings }: ApiOptions): Route {
  const run = () => json(openApiDocument(routes, settings.version ?? "2.10.11"));
  return { method: "GET", path: "/openapi.json", run };
}

export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path } of routes.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const item = (paths[path.replace(/:(\w+)/g, "{$1}")] ??= {});
    item[method.toLowerCase()] = operation(method, path);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Atoll REST API", version },
    paths,
    components: { schemas: { Problem: problemSchema, Resource: resourceSchema, ResourceList: listSchema } },
  };
}

const reference = (name: string) => ({ content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } } });

function operation(method: string, path: string): object {
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const kind = kinds.find((each) => each.path !== "" && (path.endsWith(`/${each.path}`) || path.endsWith(`/${each.path}/:name`)));
  const isItem = path.endsWith("/:name");
  const success =
    kind === undefined || method === "DELETE"
      ? { description: "Done." }
      : method === "PUT"
        ? { description: "Updated." }
        : { description: isItem ? `One ${kind.type}.` : `A page of ${kind.type}.`, ...reference(isItem ? "Resource" : "ResourceList") };
  return {
    ...(kind !== undefined && { tags: [kind.type] }),
    ...(parameters.length > 0 && { parameters }),
    ...(method === "PUT" && { requestBody: { required: true, ...reference("Resource") } }),
    responses: {
      200: success,
      ...(method === "PUT" && { 201: { description: "Created." } }),
      default: { description: "Why the request was refused.", ...reference("Problem") },
    },
  };
}

const text = { type: "string" };

const problemSchema = {
  type: "object",
  required: ["type", "status", "title", "detail"],
  properties: {
    type: text,
    status: { type: "integer" },
    title: text,
    detail: text,
    invalid_parameters: {
      type: "array",
      items: { type: "object", required: ["field", "reason"], properties: { field: text, reason: text } },
    },
  },
};

const resourceSchema = {
  type: "object",
  required: ["type", "name"],
  properties: {
    type: { type: "string", enum: kinds.filter(({ path }) => path !== "").map(({ type }) => type) },
    mesh: text,
    name: text,
    labels: { type: "object", additionalProperties: text },
    creationTime: { type: "string", format: "date-time", readOnly: true },
    modificationTime: { type: "string", format: "date-time", readOnly: true },
  },
  additionalProperties: true,
};

const listSchema = {
  type: "object",
  required: ["total", "items", "next"],
  properties: {
    total: { type: "integer" },
    items: { type: "array", items: { $ref: "#/components/schemas/Resource" } },
    next: { type: ["string", "null"], format: "uri" },
  },
};
