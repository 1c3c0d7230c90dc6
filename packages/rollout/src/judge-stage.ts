import { type ResourceReader, shareIn, supersededBy } from "@atoll/replica";
import { type RolloutGate, type ZonePinSpec, zonePinType } from "@atoll/resource";
import type { Rollout } from "./steps.ts";

/** What Envoys of a zone would not take, as its xDS servers tell. */
export interface Fault {
  part: string;
  kind: string;
  /** Envoy's words. */
  reason: string;
  /** `Type/mesh/name`. */
  resources: readonly string[];
  proxies: number;
}

/** What is seen of the zones. */
export interface Observed {
  /** Milliseconds since the epoch. */
  nowMs: number;
  /** The revision that all live proxies of a zone have acknowledged, null without any; and how many there are to be, by the zone's log. */
  applied: Readonly<Record<string, { applied: number | null; proxies: number; registered?: number }>>;
  faults: Readonly<Record<string, readonly Fault[]>>;
  /** Of the stage's callers, by cluster, since somebody began to count; without a cluster that none of them has. Absent: nobody counts. */
  requests?: { sinceMs: number; untilMs: number; byCluster: Readonly<Record<string, RequestCount>> };
}

export interface RequestCount {
  requests: number;
  /** Answered with 5xx, by the cluster or, because it could not be reached, by the caller's proxy. */
  failed: number;
}

export type Judgement =
  | { verdict: "superseded"; why: string }
  | { verdict: "failed"; why: string }
  | { verdict: "passed" }
  /** `atMs`: when the time alone may change that. */
  | { verdict: "waits"; for: string[]; atMs?: number };

/** With fewer requests than this nobody judges before the time of a stage is over: one that fails says little. */
const fewRequests = 20;

/** What has become of the newest stage of a roll-out. */
export function judgeStage(rollout: Rollout, state: ResourceReader, observed: Observed): Judgement {
  const superseded = supersededBy(rollout, state);
  if (superseded) {
    const { key, revision } = superseded;
    return {
      verdict: "superseded",
      why: revision === null ? `${key} is gone` : `${key} was written by somebody else, at revision ${revision}`,
    };
  }
  const { spec } = rollout;
  const stage = spec.stages[spec.stage];
  if (!stage) return { verdict: "passed" };
  const fault = newFault(rollout, observed);
  if (fault) return { verdict: "failed", why: fault };
  const { minTimeMs = 0, errors = [] } = stage.gate ?? {};
  const countedMs = observed.requests ? observed.requests.untilMs - observed.requests.sinceMs : -1;
  const failing = tooManyErrors(stage.gate, observed, countedMs < minTimeMs ? fewRequests : 1);
  if (failing) return { verdict: "failed", why: failing };

  const waits: string[] = [];
  for (const zone of stage.zones) {
    if (state.get<ZonePinSpec>(zonePinType, "", zone)) continue;
    const { applied = null, proxies = 0, registered = 0 } = observed.applied[zone] ?? {};
    if (applied === null) {
      // A server that is started anew is no reason to think that nobody is there.
      if (registered > 0) waits.push(`proxies of zone ${zone} to be connected: ${registered} are registered, and none is`);
    } else if (applied < rollout.revision) {
      waits.push(`proxies of zone ${zone} to acknowledge revision ${rollout.revision}: the last of its ${proxies} is at ${applied}`);
    }
  }
  const atMs = Date.parse(spec.since) + minTimeMs;
  if (observed.nowMs < atMs) waits.push(`its time: until ${new Date(atMs).toISOString()}`);
  if (errors.length > 0 && countedMs < minTimeMs) waits.push("requests to be counted for as long as the stage is to last");
  // A name that is misspelt has no failures. In a later stage there may be nobody who calls it.
  const isFirst = (cluster: string) =>
    !spec.stages.slice(0, spec.stage).some(({ gate }) => gate?.errors?.some((limit) => limit.cluster === cluster));
  const { requests } = observed;
  for (const { cluster } of requests ? errors : []) {
    if (!(cluster in requests!.byCluster) && isFirst(cluster))
      waits.push(`a caller of cluster ${cluster}: no proxy that the stage has come to has a cluster of that name`);
  }
  if (waits.length === 0) return { verdict: "passed" };
  return { verdict: "waits", for: waits, ...(observed.nowMs < atMs && { atMs }) };
}

/** Faults of what the roll-out changes, where it has come; each once, whatever the zone. */
export function faultsOf({ spec }: Rollout, faults: Observed["faults"]): { zone: string; key: string; fault: Fault }[] {
  return Object.entries(faults)
    .filter(([zone]) => shareIn(zone, spec) > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([zone, ofZone]) =>
      ofZone.filter(({ resources }) => resources.some((key) => key in spec.base)).map((fault) => ({ zone, key: faultKey(fault), fault })),
    );
}

/** Faults are the same wherever Envoys say the same of the same resources. */
export const faultKey = ({ resources, kind, reason }: Pick<Fault, "resources" | "kind" | "reason">): string =>
  JSON.stringify([resources, kind, reason]);

function newFault(rollout: Rollout, observed: Observed): string | undefined {
  const found = faultsOf(rollout, observed.faults).find(({ key }) => !rollout.spec.known.includes(key));
  if (!found) return undefined;
  const { zone, fault } = found;
  const proxies = fault.proxies === 1 ? "1 proxy goes" : `${fault.proxies} proxies go`;
  return `zone ${zone}: ${proxies} without ${fault.part}, of ${fault.resources.join(", ")}: ${fault.reason}`;
}

function tooManyErrors(gate: RolloutGate | undefined, { requests }: Observed, atLeast: number): string | undefined {
  for (const { cluster, maxPercent } of gate?.errors ?? []) {
    const count = requests?.byCluster[cluster];
    if (!count || count.requests < atLeast) continue;
    const percent = (100 * count.failed) / count.requests;
    if (percent > maxPercent)
      return `cluster ${cluster}: ${count.failed} of ${count.requests} requests failed (${percent.toFixed(1)}%, at most ${maxPercent}% may)`;
  }
  return undefined;
}
