import type { CircuitBreakerSpec, Resource } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Question } from "../ask/question.ts";
import { milliseconds } from "../milliseconds.ts";

/** What is not given stays off. */
export interface CircuitBreaking {
  /** `trackRemaining`: Envoy's statistics tell how much is left of each. */
  thresholds?: {
    maxConnections?: number;
    maxConnectionPools?: number;
    maxPendingRequests?: number;
    maxRetries?: number;
    maxRequests?: number;
    trackRemaining?: true;
  };
  /** Share of well instances below which all are used; 0 = never. */
  healthyPanicThresholdPercent?: number;
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

interface MeshCircuitBreakerConf {
  connectionLimits?: Omit<NonNullable<CircuitBreaking["thresholds"]>, "trackRemaining">;
  outlierDetection?: {
    disabled?: boolean;
    interval?: string;
    baseEjectionTime?: string;
    maxEjectionPercent?: number;
    splitExternalAndLocalErrors?: boolean;
    healthyPanicThreshold?: number | string;
    detectors?: {
      totalFailures?: { consecutive?: number };
      gatewayFailures?: { consecutive?: number };
      localOriginFailures?: { consecutive?: number };
      successRate?: { minimumHosts?: number; requestVolume?: number; standardDeviationFactor?: number | string };
      failurePercentage?: { minimumHosts?: number; requestVolume?: number; threshold?: number };
    };
  };
}

function fromMeshCircuitBreaker({ connectionLimits, outlierDetection }: MeshCircuitBreakerConf): CircuitBreaking {
  return {
    ...(connectionLimits ? { thresholds: { ...connectionLimits, trackRemaining: true } } : {}),
    ...(outlierDetection && !outlierDetection.disabled ? outliers(outlierDetection) : {}),
  };
}

function outliers(conf: NonNullable<MeshCircuitBreakerConf["outlierDetection"]>): CircuitBreaking {
  const { detectors = {}, healthyPanicThreshold } = conf;
  const { totalFailures, gatewayFailures, localOriginFailures, successRate, failurePercentage } = detectors;
  const counted = (detector: { consecutive?: number } | undefined) =>
    detector?.consecutive === undefined ? undefined : { consecutive: detector.consecutive };
  const factor = successRate?.standardDeviationFactor;
  const written = {
    intervalMs: milliseconds(conf.interval),
    baseEjectionTimeMs: milliseconds(conf.baseEjectionTime),
    maxEjectionPercent: conf.maxEjectionPercent,
    splitExternalAndLocalErrors: conf.splitExternalAndLocalErrors,
    totalErrors: counted(totalFailures),
    gatewayErrors: counted(gatewayFailures),
    localErrors: counted(localOriginFailures),
    standardDeviation: successRate && {
      ...(successRate.requestVolume === undefined ? {} : { requestVolume: successRate.requestVolume }),
      ...(successRate.minimumHosts === undefined ? {} : { minimumHosts: successRate.minimumHosts }),
      ...(factor === undefined ? {} : { factor: Number(factor) }),
    },
    failure: failurePercentage,
  };
  return {
    outlier: Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined)) as CircuitBreaking["outlier"] & object,
    ...(healthyPanicThreshold === undefined ? {} : { healthyPanicThresholdPercent: Number(healthyPanicThreshold) }),
  };
}

/** Circuit breaking towards a destination. */
export const circuitBreaking: Question<CircuitBreaking> = {
  legacy: { type: "CircuitBreaker", conf: fromCircuitBreaker },
  targeted: { type: "MeshCircuitBreaker", conf: fromMeshCircuitBreaker },
  precedence: (legacy, targeted) => ({ ...legacy, ...targeted }),
};

/** Circuit breaking towards the workload behind an inbound. */
export const inboundCircuitBreaking: InboundQuestion<CircuitBreaking> = {
  targeted: { type: "MeshCircuitBreaker", by: "everybody", conf: fromMeshCircuitBreaker },
};
