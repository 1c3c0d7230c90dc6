import type { CircuitBreaking } from "@atoll/policy";
import type { ClusterView } from "../proxy-view.ts";

/** What of a cluster circuit breaking is. */
export function circuitBreakerView(
  breaking: CircuitBreaking | undefined,
): Pick<ClusterView, "circuitBreaker" | "healthyPanicThresholdPercent"> {
  if (!breaking) return {};
  const { healthyPanicThresholdPercent, ...circuitBreaker } = breaking;
  return { circuitBreaker, ...(healthyPanicThresholdPercent === undefined ? {} : { healthyPanicThresholdPercent }) };
}
