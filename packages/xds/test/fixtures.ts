import { encodeAny, typeUrls } from "@atoll/envoy-api";
import { Cluster_DiscoveryType, ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { encodeResource } from "../src/index.ts";
import type { EncodedResource, Snapshot } from "../src/index.ts";

export const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = typeUrls;
const ads = { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: 2 } as const;

/** Two clusters of the same name differ in their connect timeout. */
export function cluster(name: string, connectTimeoutSeconds = 1): EncodedResource {
  return encodeResource(ClusterSchema, name, {
    name,
    connectTimeout: { seconds: BigInt(connectTimeoutSeconds) },
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads },
  });
}

export function endpoints(name: string, ...ports: number[]): EncodedResource {
  return encodeResource(ClusterLoadAssignmentSchema, name, {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(port) } },
        })),
      },
    ],
  });
}

export function listener(name: string, port: number, statPrefix = name): EncodedResource {
  const manager = encodeAny(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier: { case: "rds", value: { routeConfigName: name, configSource: ads } },
    httpFilters: [{ name: "router", configType: { case: "typedConfig", value: encodeAny(RouterSchema, {}) } }],
  });
  return encodeResource(ListenerSchema, name, {
    name,
    address: socketAddress(port),
    filterChains: [{ filters: [{ name: "http", configType: { case: "typedConfig", value: manager } }] }],
  });
}

export function route(name: string, cluster: string, header = "one"): EncodedResource {
  return encodeResource(RouteConfigurationSchema, name, {
    name,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } },
            responseHeadersToAdd: [{ header: { key: "x-route", value: header } }],
          },
        ],
      },
    ],
  });
}

export function snapshot(revision: number, ...resources: EncodedResource[]): Snapshot {
  const byType = new Map<string, Map<string, EncodedResource>>();
  for (const resource of resources) {
    const ofType = byType.get(resource.typeUrl) ?? new Map<string, EncodedResource>();
    byType.set(resource.typeUrl, ofType.set(resource.name, resource));
  }
  return { revision, resources: byType };
}

function socketAddress(port: number) {
  return {
    address: {
      case: "socketAddress",
      value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } },
    },
  } as const;
}

/** Endpoints that can be sent without some of their ports. */
export function divisibleEndpoints(name: string, ...ports: number[]): EncodedResource {
  const of = (parts: ReadonlySet<string>) =>
    parts.has(name) ? divisibleEndpoints(name, ...ports.filter((port) => parts.has(`${name}/${port}`))) : undefined;
  const parts = [{ id: name, parent: undefined }, ...ports.map((port) => ({ id: `${name}/${port}`, parent: name }))];
  return { ...endpoints(name, ...ports), divide: () => ({ parts, of }) };
}
