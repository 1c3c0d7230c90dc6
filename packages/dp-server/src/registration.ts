import {
  constraintViolations,
  validateMeta,
  withComputedLabels,
  withUnprovenInbounds,
  withZoneTag,
  type DataplaneInbound,
  type DataplaneSpec,
  type MeshSpec,
  type ResourceDraft,
  type Violation,
} from "@atoll/resource";

/**
 * The resource as the zone stores it. A dataplane gets the zone's tag and the computed labels, and its probed inbounds are as the
 * probes last said, or not ready; zone proxies are stored as they are (controlplane.md 1.5, 7).
 */
export function completeRegistration(brought: ResourceDraft, zone: string, existing: ResourceDraft | undefined): ResourceDraft {
  if (brought.type !== "Dataplane") return brought;
  const spec = withKnownHealth(
    withUnprovenInbounds(withZoneTag(brought.spec as DataplaneSpec, zone)),
    existing?.spec as DataplaneSpec | undefined,
  );
  return withComputedLabels({ ...brought, spec }, { zone });
}

/** Why the zone can't store, as `complete`, what a proxy brought; empty if it can. `mesh` is the mesh of a dataplane. */
export function registrationViolations(
  brought: ResourceDraft,
  complete: ResourceDraft,
  zone: string,
  mesh: MeshSpec | undefined,
): Violation[] {
  const violations = validateMeta(brought, { zone });
  if (complete.type !== "Dataplane" || mesh === undefined) return violations;
  return [...violations, ...constraintViolations(mesh, complete.spec as DataplaneSpec)];
}

function withKnownHealth(spec: DataplaneSpec, existing: DataplaneSpec | undefined): DataplaneSpec {
  const { inbound } = spec.networking;
  if (inbound === undefined || existing === undefined) return spec;
  const known = new Map(
    (existing.networking.inbound ?? []).filter((one) => one.serviceProbe !== undefined).map((one) => [listener(one), one]),
  );
  const restored = inbound.map((one): DataplaneInbound => {
    const before = one.serviceProbe === undefined ? undefined : known.get(listener(one));
    if (before === undefined) return one;
    const { state: _state, health: _health, ...rest } = one;
    return { ...rest, ...(before.state && { state: before.state }), ...(before.health && { health: before.health }) };
  });
  return { ...spec, networking: { ...spec.networking, inbound: restored } };
}

const listener = ({ address = "", port }: DataplaneInbound): string => `${address}:${port}`;
