import type { MeshCircuitBreakerSpec } from "../../specs/mesh-policies.ts";
import { violation, type Violations } from "../violation.ts";
import { actsOnInbounds, outsideOnlyForAll, validateItems, validateRules, validateSections } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { decimal, decimalPercentage, percentage, positiveCount, positiveDuration } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshCircuitBreakerSpec["rules"]>[number]["default"]>;
type Detectors = NonNullable<NonNullable<Conf["outlierDetection"]>["detectors"]>;

const tops = ["Mesh", "MeshSubset", "MeshService", "MeshGateway", "MeshServiceSubset", "Dataplane"] as const;
const detectorNames = ["totalFailures", "gatewayFailures", "localOriginFailures", "successRate", "failurePercentage"] as const;

export function* validateMeshCircuitBreaker(spec: MeshCircuitBreakerSpec): Violations {
  const { targetRef, from, to, rules } = spec;
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, gatewayTags: true, inbound: actsOnInbounds(spec) });
  yield* validateSections(spec, "none first");
  // Kuma names the section `from` here.
  yield* validateRules("spec.from", rules, validateConf);
  yield* validateItems("spec.from", from, ["Mesh"], validateConf);
  yield* validateItems("spec.to", to, ["Mesh", "MeshService", "MeshMultiZoneService"], validateConf, outsideOnlyForAll(targetRef?.kind));
}

function* validateConf(path: string, { connectionLimits, outlierDetection }: Conf = {}): Violations {
  if (connectionLimits === undefined && outlierDetection === undefined)
    return yield violation(path, "at least one of: 'connectionLimits' or 'outlierDetection' should be configured");
  const { maxConnections, maxConnectionPools, maxPendingRequests, maxRetries, maxRequests } = connectionLimits ?? {};
  const limits = { maxConnections, maxConnectionPools, maxPendingRequests, maxRetries, maxRequests };
  for (const [name, value] of Object.entries(limits)) yield* positiveCount(`${path}.connectionLimits.${name}`, value);
  if (outlierDetection === undefined) return;
  const at = `${path}.outlierDetection`;
  yield* positiveDuration(`${at}.interval`, outlierDetection.interval);
  yield* positiveDuration(`${at}.baseEjectionTime`, outlierDetection.baseEjectionTime);
  yield* percentage(`${at}.maxEjectionPercent`, outlierDetection.maxEjectionPercent);
  yield* decimalPercentage(`${at}.healthyPanicThreshold`, outlierDetection.healthyPanicThreshold);
  yield* validateDetectors(`${at}.detectors`, outlierDetection.detectors);
}

function* validateDetectors(path: string, detectors: Detectors | undefined): Violations {
  if (detectors === undefined) return yield violation(path, "must be defined");
  if (detectorNames.every((name) => detectors[name] === undefined)) {
    return yield violation(path, `must have at least one defined: ${detectorNames.join(", ")}`);
  }
  for (const name of ["totalFailures", "gatewayFailures", "localOriginFailures"] as const)
    yield* positiveCount(`${path}.${name}.consecutive`, detectors[name]?.consecutive);
  const { successRate, failurePercentage } = detectors;
  yield* positiveCount(`${path}.successRate.minimumHosts`, successRate?.minimumHosts);
  yield* positiveCount(`${path}.successRate.requestVolume`, successRate?.requestVolume);
  if (successRate?.standardDeviationFactor !== undefined) {
    const factor = decimal(successRate.standardDeviationFactor);
    const field = `${path}.successRate.standardDeviationFactor`;
    if (factor === undefined) yield violation(field, "invalid number");
    else if (factor <= 0) yield violation(field, "must be greater than 0");
  }
  yield* positiveCount(`${path}.failurePercentage.minimumHosts`, failurePercentage?.minimumHosts);
  yield* positiveCount(`${path}.failurePercentage.requestVolume`, failurePercentage?.requestVolume);
  yield* percentage(`${path}.failurePercentage.threshold`, failurePercentage?.threshold);
}
