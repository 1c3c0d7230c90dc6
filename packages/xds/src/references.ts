import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { typeUrls } from "@atoll/envoy-api";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { ConfigSource } from "@atoll/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Listener } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { SdsSecretConfig } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { CommonTlsContext } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { EncodedResource } from "./snapshot.ts";

/** A resource that Envoy asks for on the same stream because another one names it. */
export interface Reference {
  readonly typeUrl: string;
  readonly name: string;
}

// A resource is immutable and shared by many snapshots, so it is looked into once.
const found = new WeakMap<EncodedResource, readonly Reference[]>();

/** What a cluster or a listener makes Envoy subscribe to over ADS: endpoints, routes, secrets. Other types name nothing. */
export function references(resource: EncodedResource): readonly Reference[] {
  let list = found.get(resource);
  if (list === undefined) {
    list = read(resource);
    found.set(resource, list);
  }
  return list;
}

function read(resource: EncodedResource): readonly Reference[] {
  if (resource.typeUrl === typeUrls.cluster) return ofCluster(fromBinary(ClusterSchema, resource.bytes));
  if (resource.typeUrl === typeUrls.listener) return ofListener(fromBinary(ListenerSchema, resource.bytes));
  return [];
}

function ofCluster(cluster: Cluster): Reference[] {
  const list: Reference[] = [];
  if (cluster.edsClusterConfig && overAds(cluster.edsClusterConfig.edsConfig)) {
    list.push({ typeUrl: typeUrls.endpoint, name: cluster.edsClusterConfig.serviceName || cluster.name });
  }
  for (const socket of [cluster.transportSocket, ...cluster.transportSocketMatches.map((match) => match.transportSocket)]) {
    list.push(...secretsOf(socket));
  }
  return list;
}

function ofListener(listener: Listener): Reference[] {
  const list: Reference[] = [];
  const managers: (Any | undefined)[] = [listener.apiListener?.apiListener];
  for (const chain of [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])]) {
    managers.push(...chain.filters.map((filter) => (filter.configType.case === "typedConfig" ? filter.configType.value : undefined)));
    list.push(...secretsOf(chain.transportSocket));
  }
  for (const any of managers) {
    const manager = any && anyUnpack(any, HttpConnectionManagerSchema);
    if (manager?.routeSpecifier.case === "rds" && overAds(manager.routeSpecifier.value.configSource)) {
      list.push({ typeUrl: typeUrls.route, name: manager.routeSpecifier.value.routeConfigName });
    }
  }
  return list;
}

function secretsOf(socket: TransportSocket | undefined): Reference[] {
  if (socket?.configType.case !== "typedConfig") return [];
  const any = socket.configType.value;
  const context = anyUnpack(any, UpstreamTlsContextSchema) ?? anyUnpack(any, DownstreamTlsContextSchema);
  const names = context?.commonTlsContext ? secretConfigs(context.commonTlsContext) : [];
  return names.filter((secret) => overAds(secret.sdsConfig)).map((secret) => ({ typeUrl: typeUrls.secret, name: secret.name }));
}

function secretConfigs(context: CommonTlsContext): SdsSecretConfig[] {
  const validation = context.validationContextType;
  const list = [...context.tlsCertificateSdsSecretConfigs];
  if (validation.case === "validationContextSdsSecretConfig") list.push(validation.value);
  if (validation.case === "combinedValidationContext" && validation.value.validationContextSdsSecretConfig) {
    list.push(validation.value.validationContextSdsSecretConfig);
  }
  return list;
}

function overAds(source: ConfigSource | undefined): boolean {
  return source?.configSourceSpecifier.case === "ads" || source?.configSourceSpecifier.case === "self";
}
