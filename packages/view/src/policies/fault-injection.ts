import { kumaTagsRegex } from "@atoll/policy";
import type { FaultInjectionSpec, Resource } from "@atoll/resource";
import type { FaultView } from "../proxy-view.ts";
import { milliseconds } from "./timeout.ts";

/** As Kuma hands them to Envoy, whose own unit is KiB per second. */
const units: Record<string, number> = { kbps: 1, Mbps: 1_000, Gbps: 1_000_000 };

/** KiB per second of "100 Mbps", or undefined if it cannot be read. */
export function bandwidthKbps(limit: string | undefined): number | undefined {
  const parts = /^(\d+)\s*(kbps|Mbps|Gbps)$/i.exec(limit?.trim() ?? "");
  if (!parts) return undefined;
  const unit = Object.keys(units).find((name) => name.toLowerCase() === parts[2]!.toLowerCase())!;
  return Number(parts[1]) * units[unit]!;
}

/** The fault of one policy, guarded by its sources. A bandwidth that cannot be read is left out. */
export function faultView({ spec }: Resource<FaultInjectionSpec>): FaultView {
  const { delay, abort, responseBandwidth } = spec.conf ?? {};
  const kbps = bandwidthKbps(responseBandwidth?.limit);
  return {
    sourceTagsRegex: kumaTagsRegex(spec.sources),
    ...(delay ? { delay: { percent: delay.percentage ?? 0, ms: milliseconds(delay.value) ?? 0 } } : {}),
    ...(abort ? { abort: { percent: abort.percentage ?? 0, httpStatus: abort.httpStatus ?? 503 } } : {}),
    ...(kbps ? { responseBandwidth: { percent: responseBandwidth?.percentage ?? 0, kbps } } : {}),
  };
}
