import type { MeshHealthCheckSpec } from "../../specs/mesh-policies/mesh-health-check.ts";
import { at, violation, type Violations } from "../violation.ts";
import { outsideOnlyForAll, validateItems } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { decimalPercentage, filePath, integerPercentage, positiveDuration, positiveInteger, statusCode } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshHealthCheckSpec["to"]>[number]["default"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshHealthCheck({ targetRef, to }: MeshHealthCheckSpec): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, gatewayTags: true });
  yield* validateItems("spec.to", to, ["Mesh", "MeshService", "MeshMultiZoneService"], validateConf, outsideOnlyForAll(targetRef?.kind));
}

function* validateConf(path: string, conf: Conf = {}): Violations {
  const { http, tcp, grpc } = conf;
  yield* positiveDuration(`${path}.interval`, conf.interval);
  yield* positiveDuration(`${path}.timeout`, conf.timeout);
  yield* positiveInteger(`${path}.unhealthyThreshold`, conf.unhealthyThreshold);
  yield* positiveInteger(`${path}.healthyThreshold`, conf.healthyThreshold);
  yield* positiveDuration(`${path}.initialJitter`, conf.initialJitter);
  yield* positiveDuration(`${path}.intervalJitter`, conf.intervalJitter);
  yield* integerPercentage(`${path}.intervalJitterPercent`, conf.intervalJitterPercent);
  yield* decimalPercentage(`${path}.healthyPanicThreshold`, conf.healthyPanicThreshold);
  yield* positiveDuration(`${path}.noTrafficInterval`, conf.noTrafficInterval);
  yield* filePath(`${path}.eventLogPath`, conf.eventLogPath);
  if (http?.path === "") yield violation(`${path}.http.path`, "must be defined");
  for (const [index, status] of (http?.expectedStatuses ?? []).entries())
    yield* statusCode(at(`${path}.http.expectedStatuses`, index), status);
  if (http === undefined && tcp === undefined && grpc === undefined)
    yield violation(path, "must have at least one defined: http, tcp, grpc");
}
