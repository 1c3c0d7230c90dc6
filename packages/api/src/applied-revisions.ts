import type { ResourceReader } from "@atoll/replica";
import { durationMs, type KeyString } from "@atoll/resource";
import type { RevisionStatus } from "@atoll/rest-answers";
import type { Call } from "./call.ts";
import type { AppliedRevision, Proxies } from "./ports.ts";
import { badRequest } from "./problem.ts";

/** What the xDS servers of a zone say in its log. */
export function appliedRevisionOf(zone: ResourceReader): AppliedRevision {
  const reports = zone.list<AppliedRevision>("ProxyStatus").map(({ spec }) => spec);
  const revisions = reports.flatMap(({ applied }) => (applied === null ? [] : [applied]));
  return {
    applied: revisions.length === 0 ? null : Math.min(...revisions),
    proxies: reports.reduce((sum, { proxies }) => sum + proxies, 0),
  };
}

/** As the zone's xDS servers count them. */
export const tokenHoldersOf = (zone: ResourceReader, signingKey: KeyString): number =>
  zone.list<{ tokenKeys?: Record<string, number> }>("ProxyStatus").reduce((sum, { spec }) => sum + (spec.tokenKeys?.[signingKey] ?? 0), 0);

export function revisionStatus(proxies: Proxies, revision: number): RevisionStatus {
  const zones = Object.entries(proxies.appliedRevisions())
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { applied, proxies: live }]) => ({ name, proxies: live, applied, done: applied === null || applied >= revision }));
  return { revision, done: zones.every(({ done }) => done), zones };
}

/** Resolves with the status as soon as it is done, or as it is after `timeoutMs`. */
export async function whenApplied(proxies: Proxies, revision: number, timeoutMs: number): Promise<RevisionStatus> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = () => {
    if (revisionStatus(proxies, revision).done) resolve();
  };
  const unwatch = proxies.watchApplied(check);
  const timer = setTimeout(resolve, timeoutMs);
  try {
    check();
    await promise;
  } finally {
    clearTimeout(timer);
    unwatch();
  }
  return revisionStatus(proxies, revision);
}

const longestWaitMs = 10 * 60_000;
const usualWaitMs = 30_000;

/** `?wait=applied&timeout=10s` of a request: how long to wait, undefined = do not. Default 30 s, at most 10 min. */
export function readWait(call: Call): number | undefined {
  const wait = call.query.get("wait") ?? "";
  if (wait === "") return undefined;
  if (wait !== "applied") throw badRequest('query parameter wait: must be "applied"');
  const text = call.query.get("timeout") ?? "";
  if (text === "") return usualWaitMs;
  let timeoutMs: number;
  try {
    timeoutMs = durationMs(text);
  } catch {
    throw badRequest('query parameter timeout: must be a duration, such as "10s"');
  }
  if (timeoutMs < 0 || timeoutMs > longestWaitMs) throw badRequest("query parameter timeout: must be between 0s and 10m");
  return timeoutMs;
}

/** For whoever asked to wait: `Atoll-Applied`, and a warning per zone that is behind. */
export function waitedFor(status: RevisionStatus): { headers: Record<string, string>; warnings: string[] } {
  const warnings = status.zones
    .filter(({ done }) => !done)
    .map(
      ({ name, applied, proxies }) =>
        `revision ${status.revision} is not applied in zone ${name}: its ${proxies} proxies are at ${applied}`,
    );
  return { headers: { "atoll-applied": String(status.done) }, warnings };
}
