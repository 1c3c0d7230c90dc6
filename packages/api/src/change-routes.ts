import { type Change, equalValue, type ResourceReader } from "@atoll/replica";
import {
  type Kind,
  type KeyString,
  type ResourceKey,
  type Violation,
  keyString,
  kindOf,
  parseKeyString,
  validateMeta,
} from "@atoll/resource";
import { carriesObjects } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { readWait } from "./applied-revisions.ts";
import { requireAccess } from "./resource-routes.ts";
import { type Answer, type Call, type Route, json, readFlag } from "./call.ts";
import { isWritable, livesInZones } from "./catalog.ts";
import type { Condition, Preparation, Proposal } from "./config-writer.ts";
import { warningsOf } from "./deprecations.ts";
import { fleetChanges, wantsProxies } from "./history/fleet-changes.ts";
import { readPoint } from "./history/time-travel.ts";
import { parseJson } from "./json-text.ts";
import { MeshMaterial } from "./mesh-lifecycle.ts";
import { nativeViolations } from "./native-resources.ts";
import { requireOwn } from "./ownership.ts";
import { proposedState } from "./proposed-state.ts";
import { ApiError, badRequest, invalid, notAllowed } from "./problem.ts";
import { reachWarnings } from "./reach-warnings.ts";
import { type WrittenDocument, documentOf } from "./read-document.ts";
import { readOnlyText } from "./read-only.ts";
import { decideDelete, decidePut, draftOf, repeatedKey } from "./resource-writes.ts";
import { afterWrite } from "./written-answer.ts";

interface ChangeRequest {
  reason?: string;
  puts: { kind: Kind; document: WrittenDocument }[];
  deletes: ResourceKey[];
  conditions: Condition[];
}

/** Body of `POST /changes`: `{resources: [document...], delete: [{type, mesh?, name}...], expect: {"Type/mesh/name": revision | null}, reason}`. */
export function changeRoutes(context: ApiContext): Route[] {
  return [{ method: "POST", path: "/changes", run: (call) => applyChanges(context, call) }];
}

/** Atoll's own: several documents as one change set, applied whole or not at all. */
async function applyChanges(context: ApiContext, call: Call): Promise<Answer> {
  const { options, writer, catalog } = context;
  const waitMs = readWait(call);
  const request = readRequest(call);
  for (const { kind } of request.puts) requireWritable(kind, context, call);
  for (const { type } of request.deletes) requireWritable(kindOf(type)!, context, call);
  for (const { kind, document } of request.puts) requireOwnAt(kind, document, context);
  for (const key of request.deletes) requireOwnAt(kindOf(key.type)!, key, context);
  await requireNative(request, options);
  const materials = new Map(request.puts.map(({ document }) => [document, new MeshMaterial(options)]));
  const hasDataplanes = (mesh: string) => catalog.list("Dataplane", mesh).length > 0;
  const decide = () => decideAll(request, context, materials, hasDataplanes);
  const warnings = [...request.puts.flatMap(({ kind, document }) => warningsOf(kind, document)), ...reachWarnings(request, context)];
  if (readDryRun(call)) {
    const { changes } = await writer.preview(decide, request.conditions);
    const { config } = options;
    const { revision } = config;
    const changed = changedKeys(changes, config);
    const on = await readBase(context, call);
    const fleet = wantsProxies(context, call) ? await fleetChanges(context, { from: on, to: on, changes: [...changes] }) : undefined;
    return json(changedBody(revision, changed, warnings, { dryRun: true, ...(fleet && { fleet }) }));
  }
  const written = await writer.write(decide, {
    keys: [
      ...request.puts.map(({ kind, document }) => ({ type: kind.type, mesh: document.mesh, name: document.name })),
      ...request.deletes,
    ],
    author: call.user.name,
    reason: request.reason,
    conditions: request.conditions,
  });
  const after = await afterWrite(context, waitMs, written.revision);
  return json(changedBody(written.revision, written.changed, [...warnings, ...after.warnings]), 200, after.headers);
}

const changedBody = (revision: number, changed: readonly KeyString[], warnings: readonly string[], more: object = {}) => ({
  revision,
  ...more,
  changed,
  ...(warnings.length > 0 && { warnings }),
});

/** On top of which revision proxies are looked at: now, or `?revision=R`. */
async function readBase(context: ApiContext, call: Call): Promise<number> {
  const { config } = context.options;
  const point = await readPoint(context, call);
  if (point !== undefined && point > config.revision) throw badRequest(`query parameter revision: the newest is ${config.revision}`);
  return point ?? config.revision;
}

/** `?dry_run=true`: everything is decided and checked, nothing is written; the answer says what would change. */
export const readDryRun = (call: Call): boolean => readFlag(call, "dry_run");

/** Keys that the changes would leave with another value. */
const changedKeys = (changes: readonly Change[], config: ResourceReader): KeyString[] =>
  changes.flatMap((change) => {
    const key = change.op === "put" ? change.resource : change.key;
    const before = config.get(key.type, key.mesh, key.name);
    const same = change.op === "put" ? before !== undefined && equalValue(before, change.resource) : before === undefined;
    return same ? [] : [keyString(key)];
  });

async function requireNative({ puts }: ChangeRequest, options: ApiContext["options"]): Promise<void> {
  const violations: Violation[] = [];
  for (const [index, { document }] of puts.entries()) {
    const faults = await nativeViolations(document, options);
    violations.push(...faults.map(({ field, reason }) => ({ field: `resources[${index}].${field}`, reason })));
  }
  if (violations.length > 0) throw invalid("Could not process a change set", violations);
}

function requireWritable(kind: Kind, context: ApiContext, call: Call): void {
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
  const repeated = repeatedKey(changes.map((change) => (change.op === "put" ? change.resource : change.key)));
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

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function readRequest(call: Call): ChangeRequest {
  const parsed = parseJson(call.body);
  if ("error" in parsed) throw badRequest(`invalid change set: "${parsed.error}"`);
  if (!isObject(parsed.value)) throw badRequest("invalid change set: must be an object");
  const { resources = [], delete: deletes = [], expect = {}, reason } = parsed.value;
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
