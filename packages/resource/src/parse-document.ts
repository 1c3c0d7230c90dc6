import type { Kind } from "./kind.ts";
import { kindOf } from "./kinds.ts";
import type { ResourceDraft, Violation } from "./resource.ts";
import { isObject, type JsonObject } from "./schema/codec.ts";
import { jsonTypeName, ParseError } from "./schema/parse-error.ts";
import { label } from "./tags.ts";
import { parseTimestamp } from "./timestamp.ts";

export interface ParseOptions {
  /** Read the spec as this kind's, whatever `type` says (a REST path decides the kind). */
  kind?: Kind;
  /** Leave out the defaults that a kind writes into what is stored. */
  asWritten?: boolean;
  /** Mesh of a document of a mesh-scoped kind that names none. Default: "" (Kubernetes form: "default"). */
  defaultMesh?: string;
}

export type ParsedDocument =
  | { ok: true; resource: ResourceDraft }
  /** The document cannot be read; goes into the detail `invalid <Type> object: "..."`. */
  | { ok: false; parseError: string; violations?: undefined }
  | { ok: false; violations: Violation[]; parseError?: undefined };

interface Meta {
  type: string;
  mesh: string;
  name: string;
  labels?: Record<string, string>;
  rawSpec: unknown;
}

/**
 * Reads one document in universal form (`type`, `name`, ...) or Kubernetes form (`apiVersion`, `kind`, `metadata`, ...),
 * already decoded from JSON or YAML. Checks its shape and spec, not its meta fields: see `validateMeta`.
 */
export function parseDocument(body: unknown, options: ParseOptions = {}): ParsedDocument {
  let meta: Meta;
  try {
    const document = body ?? {};
    if (!isObject(document)) {
      throw new ParseError(`json: cannot unmarshal ${jsonTypeName(document)} into Go value of type v1alpha1.ResourceMeta`);
    }
    meta = isKubernetes(document) ? kubernetesMeta(document) : universalMeta(document, options);
  } catch (error) {
    if (error instanceof ParseError) return { ok: false, parseError: error.message };
    throw error;
  }
  const kind = options.kind ?? kindOf(meta.type);
  if (!kind || kind.internal) {
    const reason = meta.type === "" ? "cannot be empty" : `unknown type ${JSON.stringify(meta.type)}`;
    return { ok: false, violations: [{ field: "type", reason }] };
  }
  const role = meta.labels?.[label.policyRole];
  const parsed = kind.parseSpec(meta.rawSpec, { asWritten: options.asWritten ?? false, ...(role !== undefined && { role }) });
  if ("parseError" in parsed) return { ok: false, parseError: parsed.parseError };
  if ("violations" in parsed) return { ok: false, violations: parsed.violations };
  const mesh = kind.scope === "global" ? "" : meta.mesh;
  const labels = meta.labels && Object.keys(meta.labels).length > 0 ? { labels: meta.labels } : {};
  return { ok: true, resource: { type: meta.type, mesh, name: meta.name, ...labels, spec: parsed.spec } };
}

const isKubernetes = (body: JsonObject): boolean =>
  typeof body.apiVersion === "string" && typeof body.kind === "string" && isObject(body.metadata);

function universalMeta(body: JsonObject, options: ParseOptions): Meta {
  const { type = "", mesh, name = "", labels } = metaFields(body);
  const kind = options.kind ?? kindOf(type);
  return { type, mesh: mesh || (options.defaultMesh ?? ""), name, labels, rawSpec: kind?.plugin && !kind.hasStatus ? body.spec : body };
}

/**
 * These fields, unlike a spec's, are found whatever the case of their letters; the last one of a name holds. Of values of a wrong
 * type the first is reported, of times that are none rather these.
 */
function metaFields(body: JsonObject): Partial<Meta> {
  const fields: Partial<Meta> = {};
  let fault: unknown;
  for (const [key, value] of Object.entries(body)) {
    const name = key.toLowerCase();
    if (value === null) continue;
    if (name === "creationtime" || name === "modificationtime") checkTime(value);
    try {
      if (name === "type" || name === "mesh" || name === "name") fields[name] = text(value, name);
      else if (name === "labels") fields.labels = { ...fields.labels, ...textMap(value, name) };
    } catch (error) {
      fault ??= error;
    }
  }
  if (fault !== undefined) throw fault;
  return fields;
}

function checkTime(value: unknown): void {
  const parsed = typeof value === "string" ? parseTimestamp(value) : { error: "Time.UnmarshalJSON: input is not a JSON string" };
  if ("error" in parsed) throw new ParseError(parsed.error);
}

function kubernetesMeta(body: JsonObject): Meta {
  const metadata = body.metadata as JsonObject;
  const labels = textMap(metadata.labels, "labels");
  const annotations = textMap(metadata.annotations, "annotations");
  const mesh = text(body.mesh, "mesh") || labels?.[label.mesh] || annotations?.[label.mesh] || "default";
  const meta = { type: text(body.kind, "kind"), mesh, name: text(metadata.name, "name"), labels };
  return body.apiVersion === "v1" && meta.type === "Secret"
    ? kubernetesSecret(body, meta)
    : { ...meta, rawSpec: kindOf(meta.type)?.hasStatus ? body : body.spec };
}

/** Secrets are Kubernetes' own, told apart by their `type`; the value lies under the key `value`. */
function kubernetesSecret(body: JsonObject, meta: Omit<Meta, "rawSpec">): Meta {
  const type = body.type === "system.kuma.io/global-secret" ? "GlobalSecret" : "Secret";
  const plain = isObject(body.stringData) ? body.stringData.value : undefined;
  const encoded = isObject(body.data) ? body.data.value : undefined;
  const data = typeof plain === "string" ? Buffer.from(plain).toString("base64") : encoded;
  return { ...meta, type, rawSpec: { data } };
}

function text(value: unknown, field: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw wrongMeta(value, field, "string");
  return value;
}

function textMap(value: unknown, field: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrongMeta(value, field, "map[string]string");
  const entries = Object.entries(value).map(([key, item]): [string, string] => {
    if (item !== null && typeof item !== "string") throw wrongMeta(item, field, "string");
    return [key, item ?? ""];
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const wrongMeta = (value: unknown, field: string, goType: string): ParseError =>
  new ParseError(`json: cannot unmarshal ${jsonTypeName(value)} into Go struct field ResourceMeta.${field} of type ${goType}`);
