import { fromBinary, isMessage } from "@bufbuild/protobuf";
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packedIn, typeUrls } from "@atoll/envoy-api";
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
const found = new WeakMap<Uint8Array, readonly Reference[]>();
const none: readonly Reference[] = [];

/** What a cluster or a listener makes Envoy subscribe to over ADS: endpoints, routes, secrets. Other types name nothing. */
export function references({ typeUrl, bytes }: EncodedResource): readonly Reference[] {
  if (typeUrl !== typeUrls.cluster && typeUrl !== typeUrls.listener) return none;
  let list = found.get(bytes);
  if (list === undefined) {
    list = typeUrl === typeUrls.cluster ? ofCluster(fromBinary(ClusterSchema, bytes)) : ofListener(fromBinary(ListenerSchema, bytes));
    found.set(bytes, list);
  }
  return list;
}

/** The same, found in the message while it is at hand, so that nobody has to decode it. */
export function noteReferences(message: Message, bytes: Uint8Array): void {
  if (isMessage(message, ClusterSchema)) found.set(bytes, ofCluster(message));
  else if (isMessage(message, ListenerSchema)) found.set(bytes, ofListener(message));
}

const unpacked = <Desc extends DescMessage>(any: Any, schema: Desc): MessageShape<Desc> | undefined =>
  packedIn(schema, any) ?? anyUnpack(any, schema);

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
    const manager = any && unpacked(any, HttpConnectionManagerSchema);
    if (manager?.routeSpecifier.case === "rds" && overAds(manager.routeSpecifier.value.configSource)) {
      list.push({ typeUrl: typeUrls.route, name: manager.routeSpecifier.value.routeConfigName });
    }
  }
  return list;
}

function secretsOf(socket: TransportSocket | undefined): Reference[] {
  if (socket?.configType.case !== "typedConfig") return [];
  const any = socket.configType.value;
  const context = unpacked(any, UpstreamTlsContextSchema) ?? unpacked(any, DownstreamTlsContextSchema);
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
