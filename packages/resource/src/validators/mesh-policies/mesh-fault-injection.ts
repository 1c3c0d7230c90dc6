import type { MeshFaultInjectionSpec } from "../../specs/mesh-policies/mesh-fault-injection.ts";
import { at, violation, type Violations } from "../violation.ts";
import { actsOnInbounds, validateItems } from "./from-to-rules.ts";
import { includesGateways, notWithGateways } from "./gateway-scope.ts";
import { validateTargetRef } from "./target-ref.ts";
import { bandwidth, definedDecimalPercentage, nonNegativeDuration, statusCode } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshFaultInjectionSpec["from"]>[number]["default"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshFaultInjection(spec: MeshFaultInjectionSpec, role?: string): Violations {
  const { targetRef, from = [], to = [] } = spec;
  if (targetRef)
    yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true, inbound: actsOnInbounds(spec) });
  const withGateways = includesGateways(targetRef);
  if (withGateways && from.length > 0) yield violation("spec.from", notWithGateways);
  else yield* validateItems("spec.from", from, ["Mesh", "MeshSubset", "MeshServiceSubset", "MeshService"], validateConf);
  if (!withGateways && to.length > 0) yield violation("spec.to", "must not be defined");
  else yield* validateItems("spec.to", to, ["Mesh"], validateConf);
}

function* validateConf(path: string, { http = [] }: Conf = {}): Violations {
  for (const [index, { abort, delay, responseBandwidth }] of http.entries()) {
    const of = (name: string): string => at(`${path}.http.${name}`, index);
    if (abort !== undefined) {
      yield* statusCode(`${of("abort")}.httpStatus`, abort.httpStatus);
      yield* definedDecimalPercentage(`${of("abort")}.percentage`, abort.percentage);
    }
    if (delay !== undefined) {
      yield* nonNegativeDuration(`${of("delay")}.value`, delay.value);
      yield* definedDecimalPercentage(`${of("delay")}.percentage`, delay.percentage);
    }
    if (responseBandwidth !== undefined) {
      yield* bandwidth(`${of("responseBandwidth")}.responseBandwidth`, responseBandwidth.limit);
      yield* definedDecimalPercentage(`${of("responseBandwidth")}.percentage`, responseBandwidth.percentage);
    }
  }
}
