import type { Cluster } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import type { Runtime } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";

/** What one Envoy is to have, by kind and in the order of the view. Messages may be shared between proxies: never change one. */
export interface EnvoyResources {
  clusters: Cluster[];
  endpoints: ClusterLoadAssignment[];
  listeners: Listener[];
  routes: RouteConfiguration[];
  runtimes: Runtime[];
}
