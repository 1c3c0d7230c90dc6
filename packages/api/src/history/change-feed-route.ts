import { HistoryError } from "@atoll/replica";
import { keyString, kinds, rolloutType, zonePinType } from "@atoll/resource";
import type { ApiContext } from "../api-context.ts";
import type { Call, Route } from "../call.ts";
import type { ApiOptions } from "../ports.ts";
import { readRevision } from "../conditions.ts";
import { badRequest, notFound } from "../problem.ts";
import { type Effect, type FeedFilter, type FeedItem, followChanges } from "./change-feed.ts";
import { known, orGone, renderSpec, retrieveTitle } from "./revision-routes.ts";

/** Shorter than what proxies and load balancers usually give an idle connection (60 s). */
const keepAliveMs = 15_000;

/** What can be asked for: kinds, and what is decided about where they hold. */
const watched = new Set([...kinds.map(({ type }) => type), rolloutType, zonePinType]);

/** How long a client that lost the stream should wait before it comes again. */
const retryMs = 1000;

/**
 * `GET /changes?after=R`: every change from there on, as server-sent events. Atoll's own. The id of an event is its revision, so a client that
 * reconnects with `Last-Event-ID` misses nothing and sees nothing twice. Contents of secrets are never shown.
 */
export function changeFeedRoute(context: ApiContext): Route {
  return { method: "GET", path: "/changes", gives: "text/event-stream", run: (call) => openFeed(context, call) };
}

async function openFeed(context: ApiContext, call: Call) {
  const { config } = context.options;
  const filter = readFilter(call);
  const { watchObserved } = context.options;
  const observe = call.query.get("observed") === "true" ? watchObserved : undefined;
  const position = readPosition(call) ?? config.revision;
  await known(context, position);
  if (position > config.revision) throw notFound(retrieveTitle);
  // Said now, where it can still be said with a status.
  if (position < config.revision) await orGone(config.changeSets(position + 1, position + 1));
  return { status: 200, events: (signal: AbortSignal) => texts(followChanges(config, position, filter, signal), position, observe) };
}

/** After which revision: where a lost stream ended, or where a new one is to begin. */
function readPosition(call: Call): number | undefined {
  const last = call.headers["last-event-id"];
  if (last !== undefined && last !== "") return readRevision(last, "header Last-Event-ID");
  const after = call.query.get("after") ?? "";
  return after === "" ? undefined : readRevision(after, "query parameter after");
}

function readFilter(call: Call): FeedFilter {
  const set = (name: string) => {
    const values = call.query.getAll(name).flatMap((value) => value.split(","));
    return values.length > 0 ? new Set(values.filter((value) => value !== "")) : undefined;
  };
  const [types, meshes, names, zones] = [set("kind"), set("mesh"), set("name"), set("zone")];
  const unknown = [...(types ?? [])].find((type) => !watched.has(type));
  if (unknown !== undefined) throw badRequest(`query parameter kind: there is no kind ${JSON.stringify(unknown)}`);
  return { ...(types && { kinds: types }), ...(meshes && { meshes }), ...(names && { names }), ...(zones && { zones }) };
}

/**
 * A `change` for each revision that changed something; in between, `position` says how far the log was read, `observed` of which kinds zones
 * say something else, and a comment that all is well.
 */
async function* texts(items: AsyncGenerator<FeedItem>, position: number, observe: ApiOptions["watchObserved"]): AsyncGenerator<string> {
  const observed = new Set<string>();
  let heard = Promise.withResolvers<"observed">();
  const unwatch = observe?.((types) => {
    for (const type of types) observed.add(type);
    heard.resolve("observed");
  });
  yield `retry: ${retryMs}\n${positionText(position)}`;
  let next = items.next();
  try {
    for (;;) {
      const idle = Promise.withResolvers<"idle">();
      const timer = setTimeout(() => idle.resolve("idle"), keepAliveMs);
      const taken = await Promise.race([next, heard.promise, idle.promise]).finally(() => clearTimeout(timer));
      if (taken === "idle") {
        yield ":\n\n";
        continue;
      }
      if (taken === "observed") {
        const types = [...observed].toSorted();
        observed.clear();
        heard = Promise.withResolvers();
        yield `event: observed\ndata: ${JSON.stringify({ types })}\n\n`;
        continue;
      }
      if (taken.done === true) return;
      ({ revision: position } = taken.value);
      const { record } = taken.value;
      yield record === undefined ? positionText(position) : eventText("change", position, render(record));
      next = items.next();
    }
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    // No id: whoever comes again is told the same, with a status.
    yield `event: gone\ndata: ${JSON.stringify({ detail: error.message })}\n\n`;
  } finally {
    unwatch?.();
    await items.return(undefined);
  }
}

const positionText = (revision: number) => eventText("position", revision, { revision });

const eventText = (event: string, id: number, data: object) => `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

function render({ revision, changeSet, effects }: NonNullable<FeedItem["record"]>): object {
  const { id, at, author, reason } = changeSet;
  return { revision, id, at, author, ...(reason !== undefined && { reason }), changes: effects.map(renderEffect) };
}

const renderEffect = (effect: Effect): object => ({
  op: effect.op,
  key: keyString(effect.key),
  ...(effect.op === "put" && { resource: renderSpec(effect.resource) }),
});
