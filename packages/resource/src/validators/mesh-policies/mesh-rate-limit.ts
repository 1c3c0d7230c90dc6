import type { MeshRateLimitSpec } from "../../specs/mesh-policies/mesh-rate-limit.ts";
import { violation, type Violations } from "../violation.ts";
import { actsOnInbounds, rulesInstead, validateItems, validateRules } from "./from-to-rules.ts";
import { includesGateways, notWithGateways } from "./gateway-scope.ts";
import { validateTargetRef } from "./target-ref.ts";
import { countAbove, durationAbove } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshRateLimitSpec["rules"]>[number]["default"]>;
type Local = NonNullable<Conf["local"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "MeshHTTPRoute", "Dataplane"] as const;

export function* validateMeshRateLimit(spec: MeshRateLimitSpec, role?: string): Violations {
  const { targetRef, from = [], to = [], rules = [] } = spec;
  if (rules.length > 0 && from.length + to.length > 0) yield violation("spec", rulesInstead);
  if (targetRef)
    yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true, inbound: actsOnInbounds(spec) });
  const withGateways = includesGateways(targetRef);
  if (withGateways && rules.length > 0) yield violation("spec.rules", "must not be defined");
  else yield* validateRules("spec.rules", rules, validateConf);
  if (withGateways && from.length > 0) yield violation("spec.from", notWithGateways);
  else yield* validateItems("spec.from", from, ["Mesh"], validateConf);
  if (!withGateways && to.length > 0) yield violation("spec.to", "must not be defined");
  else yield* validateItems("spec.to", to, ["Mesh"], validateConf);
}

function* validateConf(path: string, { local }: Conf = {}): Violations {
  if (local === undefined) return yield violation(`${path}.local`, "must be defined");
  const { http, tcp } = local;
  if (http === undefined && tcp === undefined) yield violation(`${path}.local`, "must have at least one defined: tcp, http");
  if (http !== undefined) yield* validateHttp(`${path}.local.http`, http);
  if (tcp !== undefined) yield* validateTcp(`${path}.local.tcp`, tcp);
}

function* validateHttp(path: string, { disabled, requestRate, onRateLimit }: NonNullable<Local["http"]>): Violations {
  if (disabled === undefined && requestRate === undefined && onRateLimit === undefined)
    return yield violation(path, "must have at least one defined: disabled, requestRate, onRateLimit");
  if (requestRate !== undefined) yield* validateRate(`${path}.requestRate`, requestRate);
  if (onRateLimit?.status !== undefined) yield* countAbove(`${path}.onRateLimit.status`, onRateLimit.status, 0);
}

function* validateTcp(path: string, { disabled, connectionRate }: NonNullable<Local["tcp"]>): Violations {
  if (disabled === undefined && connectionRate === undefined)
    return yield violation(path, "must have at least one defined: disabled, connectionRate");
  if (connectionRate !== undefined) yield* validateRate(`${path}.connectionRate`, connectionRate);
}

function* validateRate(path: string, { num, interval }: { num: number; interval: string }): Violations {
  yield* countAbove(`${path}.num`, num, 0);
  yield* durationAbove(`${path}.interval`, interval, 50);
}
