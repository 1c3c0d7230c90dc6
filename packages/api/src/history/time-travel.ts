import type { Kind } from "@atoll/resource";
import type { ApiContext } from "../api-context.ts";
import type { Call } from "../call.ts";
import { Catalog, livesInZones } from "../catalog.ts";
import { readRevision } from "../conditions.ts";
import { badRequest } from "../problem.ts";
import { orGone, stateAt } from "./revision-routes.ts";

/** The revision that a request asks for: `?revision=R`, or `?at=` a time; undefined = now. */
export async function readPoint(context: ApiContext, call: Call): Promise<number | undefined> {
  const [revision, at] = [call.query.get("revision") ?? "", call.query.get("at") ?? ""];
  if (revision !== "" && at !== "") throw badRequest("query parameters revision, at: only one of them");
  if (at !== "") return revisionAt(context, at);
  return revision === "" ? undefined : readRevision(revision, "query parameter revision");
}

async function revisionAt({ options: { config } }: ApiContext, text: string): Promise<number> {
  const timeMs = /^\d{4}-\d\d-\d\d[Tt]/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw badRequest('query parameter at: must be an RFC 3339 time, such as "2026-01-02T03:04:05Z"');
  await config.reachHead();
  return orGone(config.revisionAt(timeMs));
}

export interface Point {
  context: ApiContext;
  /** `Atoll-At-Revision`, if the request asks for the past. */
  headers: Record<string, string>;
}

/**
 * What a request about a kind is answered from: the configuration as it was, if it asks for a revision or a time, else as it is. Of the past
 * there is what global's log holds; what zones wrote themselves is not in it.
 */
export async function pointOf(kind: Kind, context: ApiContext, call: Call): Promise<Point> {
  const revision = await readPoint(context, call);
  if (revision === undefined) return { context, headers: {} };
  if (livesInZones(kind.type)) {
    throw badRequest(`query parameters revision, at: of ${kind.displayName.plural} only the newest is kept, in the log of their zone`);
  }
  const headers = { "atoll-at-revision": String(revision) };
  const then = await stateAt(context, revision);
  const { options } = context;
  const { zones: _zones, zoneStore: _zoneStore, producerPolicies: _producerPolicies, ...rest } = options;
  return { context: { ...context, catalog: new Catalog({ ...rest, config: then }) }, headers };
}
