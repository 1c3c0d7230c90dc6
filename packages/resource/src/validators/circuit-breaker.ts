import type { CircuitBreakerSpec } from "../specs/circuit-breaker.ts";
import { validateConnection } from "./tags.ts";
import { isWritten, validatePercentage, validatePositiveIfDefined } from "./values.ts";
import { violation, type Violations } from "./violation.ts";

export function* validateCircuitBreaker(spec: CircuitBreakerSpec): Violations {
  yield* validateConnection(spec);
  const { interval, baseEjectionTime, detectors, thresholds, maxEjectionPercent }: Partial<CircuitBreakerSpec["conf"]> = spec.conf ?? {};
  if (!isWritten(detectors) && !isWritten(thresholds)) {
    yield violation("conf", "must have at least one of the detector or threshold configured");
    return;
  }
  if (detectors && !isWritten(detectors)) yield violation("conf.detectors", "can't be empty");
  yield* validatePositiveIfDefined("conf.interval", interval);
  yield* validatePositiveIfDefined("conf.baseEjectionTime", baseEjectionTime);
  yield* validatePercentage("conf.maxEjectionPercent", maxEjectionPercent);
  yield* validatePercentage("conf.detectors.failure.threshold", detectors?.failure?.threshold);
  if (thresholds && !isWritten(thresholds)) yield violation("conf.thresholds", "can't be empty");
}
