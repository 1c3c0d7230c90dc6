import type { MeshTimeoutSpec } from "../../specs/mesh-policies.ts";
import { violation, type Violations } from "../violation.ts";
import { actsOnInbounds, validateItems, validateRules, validateSections } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { nonNegativeDuration, positiveDuration } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshTimeoutSpec["rules"]>[number]["default"]>;

const tops = ["Mesh", "MeshSubset", "Dataplane", "MeshGateway", "MeshService", "MeshServiceSubset", "MeshHTTPRoute"] as const;
const ofRoute = "can't be specified when top-level TargetRef is referencing MeshHTTPRoute";

export function* validateMeshTimeout(spec: MeshTimeoutSpec, role?: string): Violations {
  const { targetRef, from, to, rules } = spec;
  if (targetRef)
    yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true, inbound: actsOnInbounds(spec) });
  yield* validateSections(spec, "both first");
  const top = targetRef?.kind ?? "Mesh";
  const withoutFrom = top === "MeshHTTPRoute" || top === "MeshGateway";
  const conf = (path: string, one: Conf | undefined) => validateTimeouts(path, one ?? {}, top === "MeshHTTPRoute");
  if (!withoutFrom) yield* validateItems("spec.from", from, ["Mesh"], conf);
  else if (from && from.length > 0) yield violation("spec.from", "must not be defined");
  const targets = withoutFrom
    ? (["Mesh", "MeshExternalService"] as const)
    : (["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"] as const);
  yield* validateItems("spec.to", to, targets, conf);
  yield* validateRules("spec.rules", rules, conf);
}

function* validateTimeouts(path: string, { connectionTimeout, idleTimeout, http }: Conf, isRoute: boolean): Violations {
  if (connectionTimeout === undefined && idleTimeout === undefined && http === undefined)
    return yield violation(path, "at least one timeout should be configured");
  if (isRoute) {
    const misplaced = { connectionTimeout, idleTimeout };
    for (const [name, value] of Object.entries(misplaced)) if (value !== undefined) yield violation(`${path}.${name}`, ofRoute);
    const { maxStreamDuration, maxConnectionDuration } = http ?? {};
    for (const [name, value] of Object.entries({ maxStreamDuration, maxConnectionDuration }))
      if (value !== undefined) yield violation(`${path}.http.${name}`, ofRoute);
  }
  yield* positiveDuration(`${path}.connectionTimeout`, connectionTimeout);
  yield* nonNegativeDuration(`${path}.idleTimeout`, idleTimeout);
  if (http === undefined) return;
  const { requestTimeout, streamIdleTimeout, maxStreamDuration, maxConnectionDuration, requestHeadersTimeout } = http;
  const counted = { requestTimeout, streamIdleTimeout, maxStreamDuration, maxConnectionDuration };
  if (Object.values(counted).every((value) => value === undefined))
    yield violation(`${path}.http`, "at least one timeout in this section should be configured");
  for (const [name, value] of Object.entries({ ...counted, requestHeadersTimeout }))
    yield* nonNegativeDuration(`${path}.http.${name}`, value);
}
