import { type DecidedState, type ResourceReader, equalValue, inEffectAt, pinnedRevision } from "@atoll/replica";
import { type KeyString, type Resource, type ZonePinSpec, isStaged, keyString, kinds, zonePinType } from "@atoll/resource";
import type { ZonePinAnswer } from "@atoll/rest-answers";
import { requireAdmin } from "../access.ts";
import type { ApiContext } from "../api-context.ts";
import { revisionHeader } from "../api-context.ts";
import { type Answer, type Call, type Route, json } from "../call.ts";
import { readOptionalBody } from "../change-request.ts";
import type { Proposal } from "../config-writer.ts";
import { stateAt } from "../history/revision-routes.ts";
import { badRequest, notAllowed, notFound } from "../problem.ts";
import { readOnlyText } from "../read-only.ts";

/** Atoll's own: zones that stay at a revision while the others go on. Decided on global, by admins; shown everywhere. */
export function pinRoutes(context: ApiContext): Route[] {
  const { config, settings } = context.options;
  const shown: Route[] = [
    {
      method: "GET",
      path: "/zone-pins",
      run: () => json({ revision: config.revision, items: config.list<ZonePinSpec>(zonePinType).map((pin) => answerOf(pin, config)) }),
    },
  ];
  if (settings.mode !== "global") return shown;
  return [
    ...shown,
    { method: "POST", path: "/zones/:name/pin", run: (call) => pin(context, call) },
    { method: "POST", path: "/zones/:name/release", run: (call) => release(context, call) },
  ];
}

/**
 * `POST /zones/ZONE/pin {revision, reason}`: the zone stays as it is or, with a revision, goes to that one and stays there. The latter takes two
 * records: what is different at a revision can be told of a zone that does not move.
 */
async function pin(context: ApiContext, call: Call): Promise<Answer> {
  requireAdmin(call.user, "pin of a zone");
  const { options, writer } = context;
  const { config } = options;
  const { revision, reason } = readPin(call, true);
  const zone = zoneOf(context, call);
  const target = revision === undefined ? undefined : await stateAt(context, revision);
  const key = { type: zonePinType, mesh: "", name: zone };
  const said = { author: call.user.name, reason: `pin of zone ${zone}${reason === undefined ? "" : `: ${reason}`}` };
  const pinTo = (spec: ZonePinSpec) => writer.write(() => put(key, spec), { keys: [key], ...said });
  const spec = { author: call.user.name, ...(reason !== undefined && { reason }) };
  const isPinned = config.get(zonePinType, "", zone) !== undefined;
  let written = target === undefined || !isPinned ? await pinTo({ ...spec, revision: config.revision }) : undefined;
  if (target !== undefined) {
    written = await writer.write(() => put(key, { ...spec, revision: revision!, values: differences(zone, config, target) }), {
      keys: [key],
      ...said,
    });
  }
  return json(answerOf(config.get<ZonePinSpec>(zonePinType, "", zone)!, config), 200, revisionHeader(written!.revision));
}

async function release(context: ApiContext, call: Call): Promise<Answer> {
  requireAdmin(call.user, "release of a zone");
  const { config } = context.options;
  const { reason } = readPin(call, false);
  const zone = zoneOf(context, call);
  const key = { type: zonePinType, mesh: "", name: zone };
  const decide = (): Proposal<number> => {
    const pinned = config.get<ZonePinSpec>(zonePinType, "", zone);
    if (pinned === undefined) throw notFound("Could not release the zone");
    return { changes: [{ op: "delete", key }], result: pinnedRevision(pinned) };
  };
  const said = `release of zone ${zone}${reason === undefined ? "" : `: ${reason}`}`;
  const written = await context.writer.write(decide, { keys: [key], author: call.user.name, reason: said });
  return json({ zone, revision: written.revision, pinned: written.result }, 200, revisionHeader(written.revision));
}

const put = (key: { type: string; mesh: string; name: string }, spec: ZonePinSpec): Proposal<void> => ({
  changes: [{ op: "put", resource: { ...key, spec } }],
  result: undefined,
});

function zoneOf({ options: { config, settings } }: ApiContext, call: Call): string {
  const zone = call.params["name"]!;
  if (settings.readOnly) throw notAllowed(readOnlyText(settings.mode));
  if (config.get("Zone", "", zone) === undefined) throw notFound("Could not find the zone");
  return zone;
}

const held = kinds
  .filter(({ type, internal, readOnly, path }) => isStaged(type) && !internal && !readOnly && path !== "")
  .map(({ type }) => type);

/** What a state had of the meshes that there are, otherwise than the zone has it. */
function differences(zone: string, config: DecidedState, target: ResourceReader): [KeyString, Resource | null][] {
  const now = inEffectAt(zone, config);
  const isSameMesh = ({ mesh }: Resource) =>
    mesh === "" || config.get("Mesh", "", mesh)?.creationTime === target.get("Mesh", "", mesh)?.creationTime;
  const found: [KeyString, Resource | null][] = [];
  for (const type of held) {
    for (const resource of target.list(type).filter(isSameMesh)) {
      const other = now.get(type, resource.mesh, resource.name);
      if (!other || !equalValue(other, resource)) found.push([keyString(resource), resource]);
    }
    for (const resource of now.list(type).filter(isSameMesh)) {
      if (!target.get(type, resource.mesh, resource.name)) found.push([keyString(resource), null]);
    }
  }
  return found;
}

function answerOf(one: Resource<ZonePinSpec>, config: DecidedState): ZonePinAnswer {
  const { author, reason } = one.spec;
  const values = [...(config.heldFor(one.name)?.values.entries() ?? [])];
  const differs = values.filter(([, value]) => value === null || !isSame(value, config)).map(([key]) => key);
  return {
    zone: one.name,
    revision: pinnedRevision(one),
    since: one.modificationTime,
    author,
    ...(reason !== undefined && { reason }),
    held: differs.toSorted(),
  };
}

function isSame(value: Resource, config: ResourceReader): boolean {
  const now = config.get(value.type, value.mesh, value.name);
  return now !== undefined && equalValue(now, value);
}

function readPin(call: Call, withRevision: boolean): { revision?: number; reason?: string } {
  const { revision, reason } = readOptionalBody(call, 'invalid pin: must be {"revision": number, "reason": text}');
  if (reason !== undefined && typeof reason !== "string") throw badRequest("invalid pin: reason must be a text");
  const isRevision = typeof revision === "number" && Number.isInteger(revision) && revision >= 0;
  if (revision !== undefined && !(withRevision && isRevision)) throw badRequest("invalid pin: revision must be a number");
  return { ...(isRevision && { revision }), ...(reason !== undefined && { reason }) };
}
