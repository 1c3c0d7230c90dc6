import type { CircuitBreakersSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/circuit_breaker_pb.js";
import type { OutlierDetectionSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { CircuitBreakerView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import type { Init } from "./init.ts";

/** Limits of connections and requests, for requests of default priority (the only one that routes use). */
export function circuitBreakers(view: CircuitBreakerView | undefined): Init<typeof CircuitBreakersSchema> | undefined {
  return view?.thresholds && { thresholds: [{ ...view.thresholds }] };
}

/** Only the detectors that are named eject: Envoy would otherwise enforce some of the others too. */
export function outlierDetection(view: CircuitBreakerView | undefined): Init<typeof OutlierDetectionSchema> | undefined {
  const outlier = view?.outlier;
  if (!outlier) return undefined;
  const { totalErrors, gatewayErrors, localErrors, standardDeviation, failure } = outlier;
  const enforced = (detector: object | undefined) => (detector ? 100 : 0);
  return {
    interval: durationOf(outlier.intervalMs),
    baseEjectionTime: durationOf(outlier.baseEjectionTimeMs),
    maxEjectionPercent: outlier.maxEjectionPercent,
    splitExternalLocalOriginErrors: outlier.splitExternalAndLocalErrors ?? false,
    consecutive5xx: totalErrors?.consecutive,
    enforcingConsecutive5xx: enforced(totalErrors),
    consecutiveGatewayFailure: gatewayErrors?.consecutive,
    enforcingConsecutiveGatewayFailure: enforced(gatewayErrors),
    consecutiveLocalOriginFailure: localErrors?.consecutive,
    enforcingConsecutiveLocalOriginFailure: enforced(localErrors),
    successRateRequestVolume: standardDeviation?.requestVolume,
    successRateMinimumHosts: standardDeviation?.minimumHosts,
    // Envoy counts the factor in thousandths.
    successRateStdevFactor: standardDeviation?.factor === undefined ? undefined : Math.round(standardDeviation.factor * 1000),
    enforcingSuccessRate: enforced(standardDeviation),
    enforcingLocalOriginSuccessRate: enforced(standardDeviation),
    failurePercentageRequestVolume: failure?.requestVolume,
    failurePercentageMinimumHosts: failure?.minimumHosts,
    failurePercentageThreshold: failure?.threshold,
    enforcingFailurePercentage: enforced(failure),
    enforcingFailurePercentageLocalOrigin: enforced(failure),
  };
}
