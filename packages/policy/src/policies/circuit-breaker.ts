import type { CircuitBreakerSpec, Resource } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** What is not given stays off. */
export interface CircuitBreaking {
  thresholds?: { maxConnections?: number; maxPendingRequests?: number; maxRetries?: number; maxRequests?: number };
  outlier?: {
    intervalMs?: number;
    baseEjectionTimeMs?: number;
    maxEjectionPercent?: number;
    splitExternalAndLocalErrors?: boolean;
    totalErrors?: { consecutive?: number };
    gatewayErrors?: { consecutive?: number };
    localErrors?: { consecutive?: number };
    standardDeviation?: { requestVolume?: number; minimumHosts?: number; factor?: number };
    failure?: { requestVolume?: number; minimumHosts?: number; threshold?: number };
  };
}

/** Thresholds and outlier detection as written. */
function fromCircuitBreaker({ spec }: Resource<CircuitBreakerSpec>): CircuitBreaking {
  const { conf } = spec;
  const { thresholds, detectors } = conf;
  const intervalMs = milliseconds(conf.interval);
  const baseEjectionTimeMs = milliseconds(conf.baseEjectionTime);
  const outlier = detectors && {
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(baseEjectionTimeMs === undefined ? {} : { baseEjectionTimeMs }),
    ...(conf.maxEjectionPercent === undefined ? {} : { maxEjectionPercent: conf.maxEjectionPercent }),
    ...(conf.splitExternalAndLocalErrors ? { splitExternalAndLocalErrors: true } : {}),
    ...detectors,
  };
  return { ...(thresholds ? { thresholds } : {}), ...(outlier ? { outlier } : {}) };
}

/** Circuit breaking towards a destination. */
export const circuitBreaking: Question<CircuitBreaking> = {
  legacy: { type: "CircuitBreaker", conf: fromCircuitBreaker },
};
