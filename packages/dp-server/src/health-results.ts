import { HealthStatus } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import type { EndpointHealthResponse } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import type { DataplaneInbound, DataplaneSpec } from "@atoll/resource";
import { adminCheck, inboundCheck } from "./health-specifier.ts";

/**
 * The dataplane with its inbounds ready or not as Envoy reports; the same object if that changes nothing. An Envoy that takes no
 * requests makes all of them not ready; a check without a result says nothing (controlplane.md 3.5). Pure.
 */
export function withHealth(spec: DataplaneSpec, response: EndpointHealthResponse): DataplaneSpec {
  const results = resultsOf(response);
  const { inbound } = spec.networking;
  if (inbound === undefined) return spec;
  const envoy = results.get(adminCheck);
  let changed = false;
  const judged = inbound.map((one) => {
    if (one.state === "Ignored") return one;
    const up = envoy === false ? false : one.serviceProbe === undefined ? envoy : results.get(inboundCheck(spec, one));
    if (up === undefined || up === (one.state !== "NotReady")) return one;
    changed = true;
    return judge(one, up);
  });
  return changed ? { ...spec, networking: { ...spec.networking, inbound: judged } } : spec;
}

/** Ready is the default and is not written; `health` is for readers that know nothing of `state`. */
function judge(inbound: DataplaneInbound, up: boolean): DataplaneInbound {
  const { state: _state, ...rest } = inbound;
  return up ? { ...rest, health: { ready: true } } : { ...rest, health: {}, state: "NotReady" };
}

/** Check name -> up or down; only the first endpoint counts, since each check has one. */
function resultsOf({ clusterEndpointsHealth }: EndpointHealthResponse): Map<string, boolean> {
  const results = new Map<string, boolean>();
  for (const { clusterName, localityEndpointsHealth } of clusterEndpointsHealth) {
    const status = localityEndpointsHealth[0]?.endpointsHealth[0]?.healthStatus ?? HealthStatus.UNKNOWN;
    if (status !== HealthStatus.UNKNOWN) results.set(clusterName, status === HealthStatus.HEALTHY || status === HealthStatus.DEGRADED);
  }
  return results;
}
