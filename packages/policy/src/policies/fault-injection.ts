import type { FaultInjectionSpec, Resource } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Question } from "../ask/question.ts";
import { kumaTagsRegex } from "../kuma-tags.ts";
import { milliseconds } from "../milliseconds.ts";
import type { TagRule } from "../target/tag-rules.ts";

/** Faults that some requests meet. */
export interface Fault {
  /** Regex on the header in which callers say their tags; absent = every request. */
  sourceTagsRegex?: string;
  /** Requests whose header matches one of these do not meet it. */
  otherTagsRegexes?: string[];
  delay?: { percent: number; ms: number };
  abort?: { percent: number; httpStatus: number };
  /** Response rate limit in KiB per second. */
  responseBandwidth?: { percent: number; kbps: number };
}

/** As Kuma hands them to Envoy, whose own unit is KiB per second. */
const units: Record<string, number> = { kbps: 1, Mbps: 1_000, Gbps: 1_000_000 };

/** KiB per second of "100 Mbps", or undefined if it cannot be read. */
export function bandwidthKbps(limit: string | undefined): number | undefined {
  const parts = /^(\d+)\s*(kbps|Mbps|Gbps)$/i.exec(limit?.trim() ?? "");
  if (!parts) return undefined;
  const unit = Object.keys(units).find((name) => name.toLowerCase() === parts[2]!.toLowerCase())!;
  return Number(parts[1]) * units[unit]!;
}

/** A bandwidth that cannot be read is left out. */
function fromFaultInjection({ spec }: Resource<FaultInjectionSpec>): Fault {
  const { delay, abort, responseBandwidth } = spec.conf ?? {};
  const kbps = bandwidthKbps(responseBandwidth?.limit);
  return {
    ...(delay ? { delay: { percent: delay.percentage ?? 0, ms: milliseconds(delay.value) ?? 0 } } : {}),
    ...(abort ? { abort: { percent: abort.percentage ?? 0, httpStatus: abort.httpStatus ?? 503 } } : {}),
    ...(kbps ? { responseBandwidth: { percent: responseBandwidth?.percentage ?? 0, kbps } } : {}),
  };
}

interface MeshFaultInjectionConf {
  http?: {
    abort?: { httpStatus: number; percentage: number | string };
    delay?: { value: string; percentage: number | string };
    responseBandwidth?: { limit: string; percentage: number | string };
  }[];
}

const fromMeshFaultInjection = ({ http = [] }: MeshFaultInjectionConf): Fault[] =>
  http.map(({ abort, delay, responseBandwidth }) => {
    const kbps = bandwidthKbps(responseBandwidth?.limit);
    return {
      ...(delay ? { delay: { percent: Number(delay.percentage), ms: milliseconds(delay.value) ?? 0 } } : {}),
      ...(abort ? { abort: { percent: Number(abort.percentage), httpStatus: abort.httpStatus } } : {}),
      ...(kbps ? { responseBandwidth: { percent: Number(responseBandwidth?.percentage), kbps } } : {}),
    };
  });

/** Rules stand beside each other, so that each says by negations what it leaves to the others. */
function fromMeshFaultInjections(rules: readonly TagRule[]): Fault[] {
  return rules.flatMap(({ subset, conf }) => {
    const tags = Object.fromEntries(subset.filter(({ not }) => !not).map(({ key, value }) => [key, value]));
    const others = subset.filter(({ not }) => not).map(({ key, value }) => kumaTagsRegex([{ match: { [key]: value } }]));
    const callers = {
      ...(Object.keys(tags).length > 0 ? { sourceTagsRegex: kumaTagsRegex([{ match: tags }]) } : {}),
      ...(others.length > 0 ? { otherTagsRegexes: others } : {}),
    };
    return fromMeshFaultInjection(conf as MeshFaultInjectionConf).map((fault) => ({ ...callers, ...fault }));
  });
}

/** Faults of all that a port of a gateway takes. */
export const gatewayFaults: Question<Fault[]> = {
  targeted: { type: "MeshFaultInjection", conf: fromMeshFaultInjection },
};

/** Faults of what comes in, in the order in which they are tried. */
export const inboundFaults: InboundQuestion<Fault[]> = {
  legacy: {
    type: "FaultInjection",
    acting: "all",
    conf: (policies: readonly Resource<FaultInjectionSpec>[]) =>
      policies.map((policy) => ({ sourceTagsRegex: kumaTagsRegex(policy.spec.sources), ...fromFaultInjection(policy) })),
  },
  targeted: { type: "MeshFaultInjection", by: "caller", conf: fromMeshFaultInjections },
  precedence: "legacy",
};

/** Faults of a route of a gateway. */
export const routeFault: Question<Fault> = {
  legacy: { type: "FaultInjection", conf: fromFaultInjection },
};
