import type { CircuitBreakerSpec } from "@atoll/resource";
import type { CircuitBreakerView } from "../proxy-view.ts";
import { milliseconds } from "./timeout.ts";

/** Thresholds and outlier detection as written; what is not written stays off. */
export function circuitBreakerView(conf: CircuitBreakerSpec["conf"] | undefined): CircuitBreakerView | undefined {
  if (!conf) return undefined;
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
