import type { Change } from "@atoll/replica";
import { type Kind, type ResourceKey, type Violation, keyOfChange, keyString, kindOf, parseKeyString, validateMeta } from "@atoll/resource";
import { carriesObjects } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import type { Call } from "./call.ts";
import { isWritable, livesInZones } from "./catalog.ts";
import type { Condition, Preparation, Proposal } from "./config-writer.ts";
import { warningsOf } from "./deprecations.ts";
import { parseJson } from "./json-text.ts";
import { MeshMaterial } from "./mesh-lifecycle.ts";
import { nativeViolations } from "./native-resources.ts";
import { requireOwn } from "./ownership.ts";
import { ApiError, badRequest, invalid, notAllowed } from "./problem.ts";
import { proposedState } from "./proposed-state.ts";
import { reachWarnings } from "./reach-warnings.ts";
import { type WrittenDocument, documentOf } from "./read-document.ts";
import { readOnlyText } from "./read-only.ts";
import { requireAccess } from "./resource-routes.ts";
import { decideDelete, decidePut, draftOf, repeatedKey } from "./resource-writes.ts";

/** Several documents, and what is to be deleted, as one request. */
export interface ChangeRequest {
  reason?: string;
  puts: { kind: Kind; document: WrittenDocument }[];
  deletes: ResourceKey[];
  conditions: Condition[];
}

/** Checks what needs no state of the configuration, and answers how the rest is decided. */
export async function prepareChanges(
  context: ApiContext,
  call: Call,
  request: ChangeRequest,
): Promise<{ decide: () => Proposal<void> | Preparation; warnings: string[] }> {
  const { options, catalog } = context;
  for (const { kind } of request.puts) requireWritable(kind, context, call);
  for (const { type } of request.deletes) requireWritable(kindOf(type)!, context, call);
  for (const { kind, document } of request.puts) requireOwnAt(kind, document, context);
  for (const key of request.deletes) requireOwnAt(kindOf(key.type)!, key, context);
  await requireNative(request, options);
  const materials = new Map(request.puts.map(({ document }) => [document, new MeshMaterial(options)]));
  const hasDataplanes = (mesh: string) => catalog.list("Dataplane", mesh).length > 0;
  return {
    decide: () => decideAll(request, context, materials, hasDataplanes),
    warnings: [...request.puts.flatMap(({ kind, document }) => warningsOf(kind, document)), ...reachWarnings(request, context)],
  };
}

export const keysOf = ({ puts, deletes }: ChangeRequest): ResourceKey[] => [
  ...puts.map(({ kind, document }) => ({ type: kind.type, mesh: document.mesh, name: document.name })),
  ...deletes,
];

async function requireNative({ puts }: ChangeRequest, options: ApiContext["options"]): Promise<void> {
  const violations: Violation[] = [];
  for (const [index, { document }] of puts.entries()) {
    const faults = await nativeViolations(document, options);
    violations.push(...faults.map(({ field, reason }) => ({ field: `resources[${index}].${field}`, reason })));
  }
  if (violations.length > 0) throw invalid("Could not process a change set", violations);
}

export function requireWritable(kind: Kind, context: ApiContext, call: Call): void {
  const { settings } = context.options;
  if (!isWritable(kind, settings, call.user) || livesInZones(kind.type)) throw notAllowed(readOnlyText(settings.mode));
  requireAccess(kind, context, call);
}

function requireOwnAt(kind: Kind, { mesh, name }: { mesh: string; name: string }, { catalog, options }: ApiContext): void {
  requireOwn(kind, catalog.get(kind.type, kind.scope === "mesh" ? mesh : "", name), options.settings);
}

function decideAll(
  request: ChangeRequest,
  { options }: ApiContext,
  materials: ReadonlyMap<WrittenDocument, MeshMaterial>,
  hasDataplanes: (mesh: string) => boolean,
): Proposal<void> | Preparation {
  const changes: Change[] = [];
  const reliedOn: ResourceKey[] = [];
  // Meshes first: what else the set puts may live in them.
  const puts = request.puts.toSorted((a, b) => Number(b.kind.type === "Mesh") - Number(a.kind.type === "Mesh"));
  const drafts = puts.map(({ kind, document }) => draftOf(kind, document, undefined, options));
  const proposed = proposedState(options.config, drafts, request.deletes);
  for (const { kind, document } of puts) {
    const index = request.puts.findIndex((each) => each.document === document);
    const decided = named(index, () => decidePut(kind, document, options, materials.get(document)!, proposed));
    if ("prepare" in decided) return decided;
    changes.push(...decided.changes);
    reliedOn.push(...(decided.reliedOn ?? []));
  }
  for (const key of request.deletes) {
    const decided = decideDelete(key, options, hasDataplanes);
    changes.push(...decided.changes);
    reliedOn.push(...(decided.reliedOn ?? []));
  }
  const repeated = repeatedKey(changes.map(keyOfChange));
  if (repeated !== undefined) throw badRequest(`${keyString(repeated)} is changed twice in one change set`);
  return { changes, reliedOn, result: undefined };
}

/** What stands against one document says which one: by the place it has in the request. */
function named<Value>(index: number, decide: () => Value): Value {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const at = `resources[${index}]`;
    const violations =
      error.violations.length === 0
        ? [{ field: at, reason: error.detail }]
        : error.violations.map(({ field, reason }) => ({ field: field === "" ? at : `${at}.${field}`, reason }));
    throw new ApiError({ status: error.status, title: error.title, detail: error.detail, violations }, { cause: error });
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The body as an object; `what` names it in errors. */
export function readBody(call: Call, what: string): Record<string, unknown> {
  const parsed = parseJson(call.body);
  if ("error" in parsed) throw badRequest(`invalid ${what}: "${parsed.error}"`);
  if (!isObject(parsed.value)) throw badRequest(`invalid ${what}: must be an object`);
  return parsed.value;
}

/** A body that may be left out, as an object. @throws ApiError that says what it must be */
export function readOptionalBody(call: Call, fault: string): Record<string, unknown> {
  if (call.body.length === 0) return {};
  const parsed = parseJson(call.body);
  if (!("value" in parsed) || !isObject(parsed.value)) throw badRequest(fault);
  return parsed.value;
}

export function readRequest(body: Record<string, unknown>, call: Call): ChangeRequest {
  const { resources = [], delete: deletes = [], expect = {}, reason } = body;
  if (!Array.isArray(resources)) throw badRequest("invalid change set: resources must be a list of documents");
  if (!Array.isArray(deletes)) throw badRequest("invalid change set: delete must be a list of {type, mesh, name}");
  if (!isObject(expect)) throw badRequest("invalid change set: expect must map keys to revisions or null");
  if (reason !== undefined && typeof reason !== "string") throw badRequest("invalid change set: reason must be a text");
  if (resources.length + deletes.length === 0) throw badRequest("invalid change set: it changes nothing");
  return {
    reason,
    puts: readPuts(resources, carriesObjects(call.user)),
    deletes: deletes.map(readDelete),
    conditions: Object.entries(expect).map(readExpected),
  };
}

/** Violations of all documents at once, each under `resources[i]`. */
function readPuts(resources: readonly unknown[], isCarried: boolean): ChangeRequest["puts"] {
  const violations: { field: string; reason: string }[] = [];
  const puts = resources.flatMap((body, index) => {
    const at = `resources[${index}]`;
    const type = isObject(body) ? (body["type"] ?? body["kind"]) : undefined;
    const kind = typeof type === "string" ? kindOf(type) : undefined;
    if (kind === undefined || kind.path === "") throw badRequest(`invalid change set: ${at}: unknown type ${JSON.stringify(type ?? null)}`);
    try {
      const document = documentOf(kind, body);
      const faults = validateMeta(document, { isGlobal: true, isCarried });
      violations.push(...faults.map(({ field, reason }) => ({ field: `${at}.${field}`, reason })));
      return [{ kind, document }];
    } catch (error) {
      if (!(error instanceof ApiError) || error.violations.length === 0) throw error;
      violations.push(...error.violations.map(({ field, reason }) => ({ field: field === "" ? at : `${at}.${field}`, reason })));
      return [];
    }
  });
  if (violations.length > 0) throw invalid("Could not process a change set", violations);
  return puts;
}

function readDelete(value: unknown, index: number): ResourceKey {
  const { type, mesh = "", name } = isObject(value) ? value : {};
  const kind = typeof type === "string" ? kindOf(type) : undefined;
  if (kind === undefined || kind.path === "")
    throw badRequest(`invalid change set: delete[${index}]: unknown type ${JSON.stringify(type ?? null)}`);
  if (typeof name !== "string" || typeof mesh !== "string")
    throw badRequest(`invalid change set: delete[${index}]: mesh and name must be texts`);
  return { type: kind.type, mesh: kind.scope === "mesh" ? mesh : "", name };
}

function readExpected([text, revision]: [string, unknown]): Condition {
  const key = parseKeyString(text);
  if (kindOf(key.type) === undefined || key.name === "")
    throw badRequest(`invalid change set: expect: ${JSON.stringify(text)} is not "Type/mesh/name"`);
  if (revision !== null && (typeof revision !== "number" || !Number.isInteger(revision))) {
    throw badRequest(`invalid change set: expect: ${JSON.stringify(text)} must be a revision or null`);
  }
  return { key, revision };
}
