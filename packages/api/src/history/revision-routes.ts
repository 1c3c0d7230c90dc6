import { type Change, type DecidedState, HistoryError } from "@atoll/replica";
import { type ResourceDraft, keyString } from "@atoll/resource";
import type { ApiContext } from "../api-context.ts";
import { readWait, revisionStatus, whenApplied } from "../applied-revisions.ts";
import { type Call, type Route, json } from "../call.ts";
import type { RevisionRecord } from "../ports.ts";
import { ApiError, badRequest, notFound } from "../problem.ts";
import { readRevision } from "../conditions.ts";
import { heldIn } from "../rollouts/held-zones.ts";

const mostAtOnce = 1000;
export const retrieveTitle = "Could not retrieve revisions";

/** Atoll's own: the history of the configuration. Contents of secrets are never shown, sealed or not. */
export function revisionRoutes(context: ApiContext): Route[] {
  const { config } = context.options;
  return [
    {
      method: "GET",
      path: "/revisions",
      run: async (call) => {
        const last = numberOf(call, "to", config.revision);
        await known(context, last);
        const to = Math.min(last, config.revision);
        const from = Math.max(1, numberOf(call, "from", Math.max(1, to - 99)));
        if (to - from >= mostAtOnce) throw badRequest(`query parameters from, to: at most ${mostAtOnce} revisions at once`);
        const records = from > to ? [] : await orGone(config.changeSets(from, to));
        return json({ revision: config.revision, items: records.map(renderRecord) });
      },
    },
    { method: "GET", path: "/revisions/:revision", run: async (call) => json(renderRecord(await recordOf(context, call))) },
    { method: "GET", path: "/revisions/:revision/status", run: async (call) => json(await statusOf(context, call)) },
  ];
}

/** Another process may have answered with a revision that this one has yet to fold. */
export async function known({ options: { config } }: ApiContext, revision: number): Promise<void> {
  if (revision > config.revision) await config.reachHead();
}

/** History may have been given up to save space: what is asked for is then gone, not broken. */
export async function orGone<History>(history: Promise<History>): Promise<History> {
  try {
    return await history;
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    throw new ApiError({ status: 410, title: retrieveTitle, detail: error.message }, { cause: error });
  }
}

function numberOf(call: Call, name: string, absent: number): number {
  const value = call.query.get(name);
  return value === null || value === "" ? absent : readRevision(value, `query parameter ${name}`);
}

async function recordOf(context: ApiContext, call: Call): Promise<RevisionRecord> {
  const { options } = context;
  const revision = readRevision(call.params["revision"]!, "revision");
  await known(context, revision);
  const records = revision < 1 || revision > options.config.revision ? [] : await orGone(options.config.changeSets(revision, revision));
  const record = records.find((each) => each.revision === revision);
  if (record === undefined) throw notFound(retrieveTitle);
  return record;
}

/** Where the revision is in force: acknowledged by every live Envoy of a zone, not merely sent. `?wait=applied` waits for it. */
async function statusOf(context: ApiContext, call: Call): Promise<object> {
  const { proxies } = context.options;
  if (proxies === undefined) throw new ApiError({ status: 503, title: "Service unavailable", detail: "this process sees no proxies" });
  const timeoutMs = readWait(call);
  const { revision, verdict } = await recordOf(context, call);
  const status = timeoutMs === undefined ? revisionStatus(proxies, revision) : await whenApplied(proxies, revision, timeoutMs);
  const held = heldIn(context.options.config, { revision, changed: verdict.accepted ? verdict.changed : [] });
  return { ...status, zones: status.zones.map((zone) => ({ ...zone, ...(held.has(zone.name) && { held: held.get(zone.name) }) })) };
}

/** The configuration as it was; 404 for a revision that is not there yet. */
export async function stateAt(context: ApiContext, revision: number): Promise<DecidedState> {
  const { config } = context.options;
  await known(context, revision);
  if (revision > config.revision) throw notFound(retrieveTitle);
  return revision === config.revision ? config : orGone(config.at(revision));
}

export function renderRecord({ revision, changeSet, verdict }: RevisionRecord): object {
  const { id, at, author, reason, changes, expect } = changeSet;
  return {
    revision,
    id,
    at,
    author,
    ...(reason !== undefined && { reason }),
    accepted: verdict.accepted,
    ...(verdict.accepted ? { changed: verdict.changed } : { conflict: verdict.conflict }),
    changes: changes.map(renderChange),
    expect,
  };
}

const renderChange = (change: Change): object =>
  change.op === "put"
    ? { op: "put", key: keyString(change.resource), resource: renderSpec(change.resource) }
    : { op: "delete", key: keyString(change.key) };

/** A resource without its times; of a secret, only that it is there. */
export const renderSpec = ({ type, mesh, name, labels, spec }: ResourceDraft): object => ({
  type,
  ...(mesh !== "" && { mesh }),
  name,
  ...(labels !== undefined && { labels }),
  ...(type === "Secret" || type === "GlobalSecret" ? {} : { spec }),
});
