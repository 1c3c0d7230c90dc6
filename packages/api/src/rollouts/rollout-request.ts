import { type ResourceKey, type RolloutGate, type RolloutStage, durationMs, isShareable, isStaged, keyString } from "@atoll/resource";
import { isObject } from "../change-request.ts";
import type { ConfigStore } from "../ports.ts";
import { badRequest, invalid } from "../problem.ts";

/** What a roll-out says besides its changes. */
export interface RolloutRequest {
  /** Absent: it is called after its revision. */
  name?: string;
  stages: RolloutStage[];
  onFailure: "hold" | "rollback";
}

const title = "Could not begin a roll-out";
const faulty = (field: string, reason: string) => invalid(title, [{ field, reason }]);

/** `{name, stages: [{zones, share, gate: {minTime, errors: [{cluster, maxPercent}]}}], onFailure}`. @throws ApiError */
export function readRolloutRequest(body: Record<string, unknown>): RolloutRequest {
  const { name, stages, onFailure = "hold" } = body;
  if (name !== undefined && (typeof name !== "string" || !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)))
    throw faulty("name", "must be lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit");
  if (onFailure !== "hold" && onFailure !== "rollback") throw faulty("onFailure", 'must be "hold" or "rollback"');
  if (!Array.isArray(stages) || stages.length === 0) throw faulty("stages", "must be a list of at least one stage");
  return { ...(name !== undefined && { name }), onFailure, stages: stages.map(readStage) };
}

function readStage(value: unknown, index: number): RolloutStage {
  const at = `stages[${index}]`;
  const { zones, share, gate } = isObject(value) ? value : {};
  if (!Array.isArray(zones) || zones.length === 0 || !zones.every((zone) => typeof zone === "string"))
    throw faulty(`${at}.zones`, "must be a list of names of zones");
  if (share !== undefined && (typeof share !== "number" || !(share > 0 && share <= 100)))
    throw faulty(`${at}.share`, "must be a number of percent, greater than 0 and at most 100");
  const read = gate === undefined ? undefined : readGate(gate, `${at}.gate`);
  return { zones, ...(share !== undefined && share < 100 && { share }), ...(read && { gate: read }) };
}

function readGate(value: unknown, at: string): RolloutGate {
  if (!isObject(value)) throw faulty(at, "must be an object");
  const { minTime, errors = [] } = value;
  const minTimeMs = minTime === undefined ? undefined : readTime(minTime, `${at}.minTime`);
  if (!Array.isArray(errors)) throw faulty(`${at}.errors`, "must be a list of {cluster, maxPercent}");
  const limits = errors.map((limit: unknown, index) => {
    const { cluster, maxPercent } = isObject(limit) ? limit : {};
    const field = `${at}.errors[${index}]`;
    if (typeof cluster !== "string" || cluster === "") throw faulty(`${field}.cluster`, "must be the name of an Envoy cluster");
    if (typeof maxPercent !== "number" || !(maxPercent >= 0 && maxPercent <= 100))
      throw faulty(`${field}.maxPercent`, "must be a number from 0 to 100");
    return { cluster, maxPercent };
  });
  return { ...(minTimeMs !== undefined && { minTimeMs }), ...(limits.length > 0 && { errors: limits }) };
}

function readTime(value: unknown, field: string): number {
  try {
    if (typeof value === "string") return durationMs(value);
  } catch {
    // Said below.
  }
  throw faulty(field, 'must be a duration, such as "30s"');
}

/** What can be said of a roll-out only in view of what it changes and of the zones there are. @throws ApiError */
export function checkStages({ stages }: RolloutRequest, keys: readonly ResourceKey[], config: Pick<ConfigStore, "get">): void {
  const everywhere = keys.find(({ type }) => !isStaged(type));
  if (everywhere) throw badRequest(`${keyString(everywhere)} cannot be changed in stages: all zones have the same at any time`);
  const whole = keys.find(({ type }) => !isShareable(type));
  for (const [index, { zones, share }] of stages.entries()) {
    const unknown = zones.find((zone) => config.get("Zone", "", zone) === undefined);
    if (unknown !== undefined) throw faulty(`stages[${index}].zones`, `there is no zone ${JSON.stringify(unknown)}`);
    if (share !== undefined && whole)
      throw faulty(
        `stages[${index}].share`,
        `${keyString(whole)} is the same for all proxies of a zone: names and services are made of it`,
      );
  }
}
