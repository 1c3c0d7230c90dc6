import { type Change, type ResourceReader, equalValue } from "@atoll/replica";
import { type Resource, type ResourceKey, keyOfChange, keyString, kinds } from "@atoll/resource";
import { dataplaneScope, revocationsName, scopeOfSigningKey } from "@atoll/token";
import { requireAdmin } from "../access.ts";
import type { ApiContext } from "../api-context.ts";
import { readWait } from "../applied-revisions.ts";
import { type Answer, type Call, type Route, json } from "../call.ts";
import type { Proposal } from "../config-writer.ts";
import { parseJson } from "../json-text.ts";
import { badRequest, invalid, notFound } from "../problem.ts";
import { readDryRun } from "../change-routes.ts";
import { readRevision } from "../conditions.ts";
import { fleetChanges, wantsProxies } from "./fleet-changes.ts";
import { renderSpec, stateAt } from "./revision-routes.ts";
import { afterWrite } from "../written-answer.ts";

/** Atoll's own: what changed between two revisions, and the way back. */
export function rollbackRoutes(context: ApiContext): Route[] {
  return [
    { method: "GET", path: "/diff", run: (call) => showDiff(context, call) },
    ...(context.options.settings.mode === "global"
      ? [{ method: "POST" as const, path: "/revisions/:revision/rollback", run: (call: Call) => rollBack(context, call) }]
      : []),
  ];
}

interface Difference {
  key: ResourceKey;
  before: Resource | undefined;
  after: Resource | undefined;
}

/** Kinds that have a written form, and the public keys that belong to some of them. */
const compared = kinds.filter(({ path, internal, readOnly }) => (path !== "" && !readOnly) || internal).map(({ type }) => type);

/** Sorted by key. Times and revisions alone are no difference. */
function differences(before: ResourceReader, after: ResourceReader): Difference[] {
  const found = new Map<string, Difference>();
  for (const type of compared) {
    for (const resource of before.list(type)) found.set(keyString(resource), { key: keyOf(resource), before: resource, after: undefined });
    for (const resource of after.list(type)) {
      const key = keyString(resource);
      const difference = found.get(key);
      if (difference === undefined) found.set(key, { key: keyOf(resource), before: undefined, after: resource });
      else if (equalValue(difference.before!, resource)) found.delete(key);
      else difference.after = resource;
    }
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, difference]) => difference);
}

const keyOf = ({ type, mesh, name }: ResourceKey): ResourceKey => ({ type, mesh, name });

/** `GET /diff?from=3&to=7`; `to` absent = now; `proxies=true`: what differs for proxies, too. Contents of secrets are never shown. */
async function showDiff(context: ApiContext, call: Call): Promise<Answer> {
  const { config } = context.options;
  const from = readRevision(call.query.get("from") ?? "", "query parameter from");
  const to = call.query.get("to") ? readRevision(call.query.get("to")!, "query parameter to") : config.revision;
  const [before, after] = await Promise.all([stateAt(context, from), stateAt(context, to)]);
  const items = differences(before, after).map((difference) => ({
    key: keyString(difference.key),
    change: difference.before === undefined ? "created" : difference.after === undefined ? "deleted" : "updated",
    ...(difference.before !== undefined && { before: renderSpec(difference.before) }),
    ...(difference.after !== undefined && { after: renderSpec(difference.after) }),
  }));
  const fleet = wantsProxies(context, call) ? await fleetChanges(context, { from, to }) : undefined;
  return json({ from, to, items, ...(fleet && { fleet }) });
}

/**
 * Writes, as one change set, what the configuration held at a revision. What it does not touch: zones, which register themselves;
 * global secrets; and, in meshes that exist, token keys and revocations, because a withdrawn key must stay withdrawn.
 */
async function rollBack(context: ApiContext, call: Call): Promise<Answer> {
  requireAdmin(call.user, "rollback");
  const waitMs = readWait(call);
  const { config, settings } = context.options;
  const revision = readRevision(call.params["revision"]!, "revision");
  if (revision > config.revision) throw notFound("Could not roll back");
  const reason = readReason(call) ?? `rollback to revision ${revision}`;
  const target = await stateAt(context, revision);
  const hasDataplanes = (mesh: string) => context.catalog.list("Dataplane", mesh).length > 0;
  const decide = (): Proposal<number> => {
    const changes = differences(config, target)
      .filter(({ key }) => isRolledBack(key, config, target))
      .map(changeOf);
    const lost = changes.filter((change) => change.op === "delete" && change.key.type === "Mesh" && hasDataplanes(change.key.name));
    if (lost.length > 0 && !settings.unsafeDelete) {
      const fault = { field: "mesh", reason: "unable to delete mesh, there are still some dataplanes attached" };
      throw invalid("Could not roll back", [fault]);
    }
    return { changes: changes.toSorted((a, b) => rank(a) - rank(b)), result: changes.length };
  };
  const proposed = decide().changes;
  if (readDryRun(call)) {
    const asked = wantsProxies(context, call) ? { to: config.revision, from: config.revision, changes: [...proposed] } : undefined;
    const fleet = asked && (await fleetChanges(context, asked));
    const changed = proposed.map((change) => keyString(keyOfChange(change)));
    return json({ revision: config.revision, restored: revision, dryRun: true, changed, ...(fleet && { fleet }) });
  }
  if (proposed.length === 0) return json({ revision: config.revision, restored: revision, changed: [] });
  const written = await context.writer.write(decide, { keys: [], author: call.user.name, reason });
  const { headers, warnings, held } = await afterWrite(context, waitMs, written);
  const body = {
    ...{ revision: written.revision, restored: revision, changed: written.changed },
    ...(held.length > 0 && { held }),
    ...(warnings.length > 0 && { warnings }),
  };
  return json(body, 200, headers);
}

const changeOf = ({ key, after }: Difference): Change => {
  if (after === undefined) return { op: "delete", key };
  const { labels, spec } = after;
  return { op: "put", resource: { ...key, ...(labels !== undefined && { labels }), spec } };
};

/** Meshes are put before, and deleted after, what lives in them. */
const rank = (change: Change): number =>
  change.op === "put" ? (change.resource.type === "Mesh" ? 0 : 1) : change.key.type === "Mesh" ? 3 : 2;

function isRolledBack(key: ResourceKey, now: ResourceReader, then: ResourceReader): boolean {
  if (key.type === "Zone" || key.type === "GlobalSecret") return false;
  const isKey =
    key.type === "TokenVerificationKey" || scopeOfSigningKey(key) !== undefined || key.name === revocationsName(dataplaneScope(key.mesh));
  if (!isKey) return true;
  const exists = (state: ResourceReader) => state.get("Mesh", "", key.mesh) !== undefined;
  return key.mesh !== "" && !(exists(now) && exists(then));
}

function readReason(call: Call): string | undefined {
  if (call.body.length === 0) return undefined;
  const parsed = parseJson(call.body);
  const reason =
    "value" in parsed && typeof parsed.value === "object" && parsed.value !== null ? (parsed.value as { reason?: unknown }).reason : null;
  if (reason !== undefined && typeof reason !== "string") throw badRequest('invalid rollback: must be {"reason": text}');
  return reason;
}
