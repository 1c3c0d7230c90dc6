import { create } from "@bufbuild/protobuf";
import type { LbEndpointSchema, LocalityLbEndpointsSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterLoadAssignment } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { EndpointSetView, EndpointView } from "@atoll/view";
import { addressOf } from "./address.ts";
import { endpointMetadata } from "./metadata.ts";
import type { Init } from "./init.ts";

type LocalityInit = Init<typeof LocalityLbEndpointsSchema>;

export function translateEndpoints(view: EndpointSetView): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: view.cluster,
    policy: view.overprovisioningPercent === undefined ? undefined : { overprovisioningFactor: view.overprovisioningPercent },
    endpoints: view.localities.map(({ zone, subZone = "", weight, priority, endpoints }): LocalityInit => ({
      locality: zone === undefined ? undefined : { zone, subZone },
      loadBalancingWeight: weight,
      priority,
      lbEndpoints: endpoints.map(lbEndpoint),
    })),
  });
}

/** Endpoints written into a cluster itself: one group, no locality. */
export function inlineEndpoints(cluster: string, endpoints: readonly EndpointView[]): Init<typeof ClusterLoadAssignmentSchema> {
  return { clusterName: cluster, endpoints: endpoints.length === 0 ? [] : [{ lbEndpoints: endpoints.map(lbEndpoint) }] };
}

function lbEndpoint(view: EndpointView): Init<typeof LbEndpointSchema> {
  return {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: addressOf(view.address, view.port),
        hostname: view.hostname ?? "",
        healthCheckConfig: view.hostname === undefined ? undefined : { hostname: view.hostname },
      },
    },
    metadata: endpointMetadata(view.tags),
    // Envoy refuses weight 0; an endpoint that is listed at all takes part.
    loadBalancingWeight: view.weight === undefined ? undefined : Math.max(1, view.weight),
  };
}
