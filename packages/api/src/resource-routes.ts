import { type DataplaneSpec, type Kind, type MeshSpec, constraintViolations, kinds, validateMeta } from "@atoll/resource";
import { carriesObjects, defaultAccess, requirePermission } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { readWait } from "./applied-revisions.ts";
import { type Answer, type Call, type Route, json } from "./call.ts";
import { type Shown, isWritable, isWrittenToZone } from "./catalog.ts";
import { readConditions } from "./conditions.ts";
import { warningsOf } from "./deprecations.ts";
import { readFilter } from "./list-filter.ts";
import { type Point, pointOf } from "./history/time-travel.ts";
import { MeshMaterial } from "./mesh-lifecycle.ts";
import { requireOwn, requireOwnName } from "./ownership.ts";
import { nativeViolations } from "./native-resources.ts";
import { pageOf, readPage } from "./pagination.ts";
import { badRequest, invalid, notAllowed, notFound } from "./problem.ts";
import { reachWarnings } from "./reach-warnings.ts";
import { readDocument } from "./read-document.ts";
import { readOnlyText } from "./read-only.ts";
import { type Form, readForm, renderResource } from "./render.ts";
import { decideDelete, decidePut, draftOf, nameViolations } from "./resource-writes.ts";
import { hiddenByZone, hiddenInZones, zoneSecretViolations } from "./zone-written.ts";
import { spanned } from "./spanned.ts";
import { afterWrite } from "./written-answer.ts";

/** Kinds with routes of their own elsewhere, because nothing is stored of them. */
const computed = new Set(["MeshInsight", "ServiceInsight", "ZoneInsight"]);

/** GET, PUT and DELETE of every kind (controlplane.md 1.3 to 1.5). */
export function resourceRoutes(context: ApiContext): Route[] {
  return kinds.filter(({ path }) => path !== "").flatMap((kind) => (computed.has(kind.type) ? [] : routesOf(kind, context)));
}

/** Path of a kind's collection. */
export const collectionPath = (kind: Kind) => (kind.scope === "mesh" ? `/meshes/:mesh/${kind.path}` : `/${kind.path}`);

function routesOf(kind: Kind, context: ApiContext): Route[] {
  const collection = collectionPath(kind);
  const item = `${collection}/:name`;
  const list = async (call: Call) => listResources(kind, await pointOf(kind, context, call), call);
  return [
    ...writeRoutes(kind, context),
    { method: "GET", path: item, run: async (call) => getResource(kind, await pointOf(kind, context, call), call) },
    { method: "GET", path: collection, run: list },
    ...(kind.scope === "mesh" ? [{ method: "GET" as const, path: `/${kind.path}`, run: list }] : []),
  ];
}

/** PUT and DELETE of a kind, which refuse where this control plane may not write it. */
export function writeRoutes(kind: Kind, context: ApiContext): Route[] {
  const item = `${collectionPath(kind)}/:name`;
  const unlessReadOnly = (run: (kind: Kind, context: ApiContext, call: Call) => Promise<Answer>) => (call: Call) => {
    if (!isWritable(kind, context.options.settings, call.user)) throw notAllowed(readOnlyText(context.options.settings.mode));
    return run(kind, context, call);
  };
  return [
    { method: "PUT", path: item, run: unlessReadOnly(putResource) },
    { method: "DELETE", path: item, run: unlessReadOnly(deleteResource) },
  ];
}

/** The mesh named in the path; "" for kinds of global scope, undefined for a list over all meshes. */
export function meshOf(kind: Kind, context: ApiContext, call: Call): string | undefined {
  if (kind.scope === "global") return "";
  const mesh = call.params["mesh"];
  if (mesh !== undefined && !context.catalog.has("Mesh", "", mesh)) throw notFound("Failed to retrieve Mesh");
  return mesh;
}

export function requireAccess(kind: Kind, { options }: ApiContext, call: Call): void {
  const { adminResources } = options.settings.access ?? defaultAccess;
  if (kind.adminOnly) requirePermission(adminResources, call.user, `the resource of type "${kind.type}"`);
}

/** What is shown of a stored resource: secrets opened. */
export function rendered({ resource, home }: Shown, context: ApiContext, form?: Form): object {
  const isSecret = home.type === "Secret" || home.type === "GlobalSecret";
  if (!isSecret) return renderResource(resource, form);
  // Public keys are rendered here, never sealed.
  const data = (home.spec as { data?: string }).data ?? context.options.reveal(home);
  return renderResource({ ...resource, spec: data === undefined || data === "" ? {} : { data } }, form);
}

function getResource(kind: Kind, { context, headers }: Point, call: Call): Answer {
  const mesh = meshOf(kind, context, call)!;
  requireAccess(kind, context, call);
  const shown = context.catalog.get(kind.type, mesh, call.params["name"]!);
  if (shown === undefined) throw notFound("Could not retrieve a resource");
  const body = rendered(shown, context, readForm(call));
  return json(body, 200, shown.zone === undefined ? { ...headers, etag: `"${shown.resource.revision}"` } : headers);
}

function listResources(kind: Kind, { context, headers }: Point, call: Call): Answer {
  const page = readPage(call.query);
  const filter = readFilter(call, kind.type);
  const mesh = meshOf(kind, context, call);
  requireAccess(kind, context, call);
  const shown = context.catalog.list(kind.type, mesh).filter(({ resource }) => filter(resource));
  return json(
    pageOf(call, page, shown, (each) => rendered(each, context)),
    200,
    headers,
  );
}

async function putResource(kind: Kind, context: ApiContext, call: Call): Promise<Answer> {
  const { options, writer } = context;
  const { settings } = options;
  const mesh = meshOf(kind, context, call)!;
  const name = call.params["name"]!;
  const document = spanned("validate", () => {
    const written = readDocument(kind, call.body);
    const zone = settings.mode === "zone" ? settings.zone : undefined;
    const url = { type: kind.type, mesh, name };
    const violations = validateMeta(written, { url, zone, isGlobal: settings.mode === "global", isCarried: carriesObjects(call.user) });
    if (violations.length > 0) throw invalid("Could not process a resource", violations);
    return written;
  });
  requireAccess(kind, context, call);
  requireOwnName(kind, context.catalog.get(kind.type, mesh, name), settings);
  const native = await nativeViolations(document, options);
  if (native.length > 0) throw invalid("Could not process a resource", native);

  if (isWrittenToZone(kind, settings)) return putInZone(kind, context, call, document);
  const waitMs = readWait(call);
  const material = new MeshMaterial(options);
  const reach = reachWarnings({ deletes: [], puts: [{ kind, document }] }, context);
  const key = { type: kind.type, mesh, name };
  const written = await writer.write(() => decidePut(kind, document, options, material), {
    keys: [key],
    author: call.user.name,
    reason: call.headers["atoll-reason"],
    conditions: readConditions(call, key),
  });
  const { headers, warnings, held } = await afterWrite(context, waitMs, written);
  const told = [...warningsOf(kind, document), ...reach, ...hiddenInZones(kind, key, options), ...held, ...warnings];
  return json(successBody(told), written.result === "created" ? 201 : 200, headers);
}

const successBody = (warnings: readonly string[]): object => (warnings.length > 0 ? { warnings } : {});

async function putInZone(kind: Kind, context: ApiContext, call: Call, document: ReturnType<typeof readDocument>): Promise<Answer> {
  const { options } = context;
  refuseForZone(call);
  const existing = options.zoneStore!.get(kind.type, kind.scope === "mesh" ? document.mesh : "", document.name);
  const title = existing === undefined ? "Could not create a resource" : "Could not update a resource";
  const draft = draftOf(kind, document, existing, options);
  if (kind.type === "Dataplane") {
    const mesh = options.config.get<MeshSpec>("Mesh", "", draft.mesh);
    if (mesh === undefined) throw notFound("Failed to retrieve Mesh");
    const violations = constraintViolations(mesh.spec, draft.spec as DataplaneSpec);
    if (violations.length > 0) throw invalid(title, violations);
  }
  const violations = [...nameViolations(draft), ...zoneSecretViolations(draft, options.config)];
  if (violations.length > 0) throw invalid(title, violations);
  await options.zoneStore!.put(options.seal(draft));
  const warnings = [...warningsOf(kind, document), ...hiddenByZone(kind, draft, options)];
  return json(successBody(warnings), existing === undefined ? 201 : 200);
}

/** What a zone writes has no revision. */
function refuseForZone(call: Call): void {
  if (readWait(call) !== undefined) throw badRequest("query parameter wait: applies to configuration only");
  if (call.headers["if-match"] === undefined && call.headers["if-none-match"] === undefined) return;
  throw badRequest("If-Match and If-None-Match apply to configuration only: the newest writer of a zone's own resource wins");
}

async function deleteResource(kind: Kind, context: ApiContext, call: Call): Promise<Answer> {
  const { options, writer, catalog } = context;
  const mesh = meshOf(kind, context, call)!;
  const name = call.params["name"]!;
  const key = { type: kind.type, mesh, name };
  if (!catalog.has(kind.type, mesh, name)) {
    await options.config.reachHead();
    if (!catalog.has(kind.type, mesh, name)) throw notFound("Could not delete a resource");
  }
  requireAccess(kind, context, call);
  requireOwn(kind, catalog.get(kind.type, mesh, name), options.settings);
  if (isWrittenToZone(kind, options.settings)) {
    refuseForZone(call);
    await options.zoneStore!.delete(key);
    return json({});
  }
  const waitMs = readWait(call);
  const hasDataplanes = (deleted: string) => catalog.list("Dataplane", deleted).length > 0;
  const reach = reachWarnings({ deletes: [key], puts: [] }, context);
  const written = await writer.write(() => decideDelete(key, options, hasDataplanes), {
    keys: [key],
    author: call.user.name,
    reason: call.headers["atoll-reason"],
    conditions: readConditions(call, key),
  });
  const { headers, warnings, held } = await afterWrite(context, waitMs, written);
  return json(successBody([...reach, ...held, ...warnings]), 200, headers);
}
