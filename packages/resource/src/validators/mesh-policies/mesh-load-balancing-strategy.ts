import type { MeshLoadBalancingStrategySpec } from "../../specs/mesh-policies/mesh-load-balancing-strategy.ts";
import { validateHeaderText } from "../envoy-values.ts";
import { at, violation, type Violations } from "../violation.ts";
import { outsideOnlyForAll } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { countAbove, decimal, definedDecimalPercentage, readDuration } from "./values.ts";

type Item = NonNullable<MeshLoadBalancingStrategySpec["to"]>[number];
type Conf = NonNullable<Item["default"]>;
type HashPolicy = NonNullable<NonNullable<NonNullable<Conf["loadBalancer"]>["ringHash"]>["hashPolicies"]>[number];
type Locality = NonNullable<Conf["localityAwareness"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshLoadBalancingStrategy({ targetRef, to = [] }: MeshLoadBalancingStrategySpec): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, gatewayTags: true });
  if (to.length === 0) yield violation("spec.to", "needs at least one item");
  for (const [index, item] of to.entries()) {
    const path = at("spec.to", index);
    const { loadBalancer, localityAwareness } = item.default ?? {};
    const onlyMesh = targetRef?.kind === "MeshGateway" && loadBalancer !== undefined;
    yield* validateTargetRef(`${path}.targetRef`, item.targetRef, {
      kinds: onlyMesh ? ["Mesh"] : ["Mesh", "MeshService", "MeshMultiZoneService"],
      ...(onlyMesh && { otherKinds: "value is not supported, only Mesh is allowed if loadBalancer is set" }),
    });
    yield* outsideOnlyForAll(targetRef?.kind)(`${path}.targetRef`, item.targetRef.kind);
    if (loadBalancer !== undefined) yield* validateLoadBalancer(`${path}.default.loadBalancer`, loadBalancer);
    if (localityAwareness !== undefined) yield* validateLocality(`${path}.default.localityAwareness`, localityAwareness, item);
  }
}

function* validateLoadBalancer(path: string, conf: NonNullable<Conf["loadBalancer"]>): Violations {
  const { type, ringHash, maglev, leastRequest } = conf;
  if (type === "RingHash") yield* validateHashPolicies(`${path}.ringHash.hashPolicies`, ringHash?.hashPolicies);
  if (type === "Maglev") yield* validateHashPolicies(`${path}.maglev.hashPolicies`, maglev?.hashPolicies);
  if (type !== "LeastRequest" || leastRequest?.activeRequestBias === undefined) return;
  const bias = decimal(leastRequest.activeRequestBias);
  if (bias === undefined) yield violation(`${path}.leastRequest.activeRequestBias`, "string must be a valid number");
  else if (bias < 0) yield violation(`${path}.leastRequest.activeRequestBias`, "must be greater or equal then: 0");
}

/** What a policy of each type is made from. */
const partOf = {
  Header: "header",
  Cookie: "cookie",
  QueryParameter: "queryParameter",
  FilterState: "filterState",
  Connection: "connection",
  SourceIP: "connection",
} as const;

function* validateHashPolicies(path: string, policies: readonly HashPolicy[] = []): Violations {
  for (const [index, policy] of policies.entries()) {
    const part = partOf[policy.type];
    if (policy[part] === undefined) yield violation(`${at(path, index)}.${part}`, "must be defined");
    else if (policy.type === "Cookie" && policy.cookie?.path !== undefined && !policy.cookie.path.startsWith("/"))
      yield violation(`${at(path, index)}.cookie.path`, "must be an absolute path");
    // Both become a part of a header of the answer: a line break would begin another header.
    yield* validateHeaderText(`${at(path, index)}.cookie.name`, policy.cookie?.name);
    yield* validateHeaderText(`${at(path, index)}.cookie.path`, policy.cookie?.path);
    readDuration(policy.cookie?.ttl);
  }
}

function* validateLocality(path: string, { localZone, crossZone }: Locality, { targetRef }: Item): Violations {
  const tags = localZone?.affinityTags ?? [];
  const field = `${path}.localZone.affinityTags`;
  for (const [index, { key, weight }] of tags.entries()) {
    if (key === "") yield violation(`${at(field, index)}.key`, "must not be empty");
    if (weight !== undefined) yield* countAbove(`${at(field, index)}.weight`, weight, 0);
  }
  const weighed = tags.filter(({ weight }) => weight !== undefined).length;
  if (weighed > 0 && weighed !== tags.length) yield violation(field, "all or none affinity tags should have weight");
  if (crossZone === undefined) return;
  const isOfOneZone = Boolean(targetRef.sectionName) || Object.keys(targetRef.labels ?? {}).length > 0;
  if (targetRef.kind === "MeshService" && isOfOneZone)
    yield violation(`${path}.crossZone`, "must not be set: MeshService traffic is local");
  yield* validateFailover(`${path}.crossZone.failover`, crossZone.failover);
  const { failoverThreshold } = crossZone;
  if (failoverThreshold === undefined) return;
  yield* definedDecimalPercentage(`${path}.crossZone.failoverThreshold.percentage`, failoverThreshold.percentage, "above zero");
}

function* validateFailover(path: string, rules: NonNullable<Locality["crossZone"]>["failover"] = []): Violations {
  for (const [index, { from, to }] of rules.entries()) {
    const one = at(path, index);
    if (from?.zones.length === 0) yield violation(`${one}.from.zones`, "must not be empty");
    for (const [place, zone] of (from?.zones ?? []).entries())
      if (zone === "") yield violation(at(`${one}.from.zones`, place), "must not be empty");
    const isListed = to.type === "AnyExcept" || to.type === "Only";
    const { length } = to.zones ?? [];
    if (isListed && length === 0) yield violation(`${one}.to.zones`, `must not be empty when type is ${to.type}`);
    if (!isListed && length > 0) yield violation(`${one}.to.zones`, `must be empty when type is ${to.type}`);
  }
}
