import { type Change, equalValue, type ResourceReader } from "@atoll/replica";
import { type KeyString, keyOfChange, keyString } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import { readWait } from "./applied-revisions.ts";
import { type Answer, type Call, type Route, json, readFlag } from "./call.ts";
import { keysOf, prepareChanges, readBody, readRequest } from "./change-request.ts";
import { fleetChanges, wantsProxies } from "./history/fleet-changes.ts";
import { readPoint } from "./history/time-travel.ts";
import { badRequest } from "./problem.ts";
import { afterWrite } from "./written-answer.ts";

/** Body of `POST /changes`: `{resources: [document...], delete: [{type, mesh?, name}...], expect: {"Type/mesh/name": revision | null}, reason}`. */
export function changeRoutes(context: ApiContext): Route[] {
  return [{ method: "POST", path: "/changes", run: (call) => applyChanges(context, call) }];
}

/** Atoll's own: several documents as one change set, applied whole or not at all. */
async function applyChanges(context: ApiContext, call: Call): Promise<Answer> {
  const { writer } = context;
  const waitMs = readWait(call);
  const request = readRequest(readBody(call, "change set"), call);
  const { decide, warnings } = await prepareChanges(context, call, request);
  if (readDryRun(call)) {
    const { changes } = await writer.preview(decide, request.conditions);
    return foretold(context, call, changes, warnings);
  }
  const written = await writer.write(decide, {
    keys: keysOf(request),
    author: call.user.name,
    reason: request.reason,
    conditions: request.conditions,
  });
  const after = await afterWrite(context, waitMs, written);
  return json(changedBody(written.revision, written.changed, [...warnings, ...after.held, ...after.warnings]), 200, after.headers);
}

/** What changes would do, for proxies too if that is asked for. Nothing is written. */
export async function foretold(context: ApiContext, call: Call, changes: readonly Change[], warnings: readonly string[]): Promise<Answer> {
  const { config } = context.options;
  const { revision } = config;
  const changed = changedKeys(changes, config);
  const on = await readBase(context, call);
  const fleet = wantsProxies(context, call) ? await fleetChanges(context, { from: on, to: on, changes: [...changes] }) : undefined;
  return json(changedBody(revision, changed, warnings, { dryRun: true, ...(fleet && { fleet }) }));
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
    const key = keyOfChange(change);
    const before = config.get(key.type, key.mesh, key.name);
    const same = change.op === "put" ? before !== undefined && equalValue(before, change.resource) : before === undefined;
    return same ? [] : [keyString(key)];
  });
