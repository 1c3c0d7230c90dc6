import { encodeAny } from "@atoll/envoy-api";
import { KafkaBrokerSchema } from "@atoll/envoy-api/contrib/envoy/extensions/filters/network/kafka_broker/v3/kafka_broker_pb.js";
import type { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ConfigSchema as DirectResponseSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/direct_response/v3/config_pb.js";
import { TcpProxySchema } from "@atoll/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { DirectResponseView, TcpFilterView } from "@atoll/view";
import { connectionLimit } from "./rate-limit.ts";
import { accessLog } from "./access-log.ts";
import { connectionHashPolicy } from "./hash-policy.ts";
import { durationOf } from "./duration.ts";
import { metadataMatch } from "./metadata.ts";
import { statName } from "./stat-name.ts";
import type { Init } from "./init.ts";

type FilterInit = Init<typeof FilterSchema>;
type TcpProxyInit = Init<typeof TcpProxySchema>;

/** The filters of a TCP chain: Kafka statistics if wanted, then the proxy. With no cluster to go to, connections are closed. */
export function tcpFilters(view: TcpFilterView): FilterInit[] {
  // Envoy refuses weight 0 here; such a cluster gets no connection anyway.
  const clusters = view.clusters.filter((cluster) => cluster.weight > 0);
  if (clusters.length === 0) return [directResponse({ type: "directResponse", body: "" })];
  const typedConfig = encodeAny(TcpProxySchema, {
    statPrefix: statName(view.statPrefix),
    ...destination(clusters),
    idleTimeout: durationOf(view.idleTimeoutMs),
    maxConnectAttempts: view.maxConnectAttempts,
    hashPolicy: view.hashPolicy ? connectionHashPolicy(view.hashPolicy) : [],
    accessLog: (view.accessLogs ?? []).map(accessLog),
  });
  const proxy: FilterInit = { name: "envoy.filters.network.tcp_proxy", configType: { case: "typedConfig", value: typedConfig } };
  return [
    ...(view.connectionLimit ? [connectionLimit(view.connectionLimit)] : []),
    ...(view.kafkaStatPrefix === undefined ? [] : [kafkaBroker(view.kafkaStatPrefix)]),
    proxy,
  ];
}

/** Sends bytes to whoever connects, and closes. */
export function directResponse({ body }: DirectResponseView): FilterInit {
  const typedConfig = encodeAny(DirectResponseSchema, { response: { specifier: { case: "inlineString", value: body } } });
  return { name: "envoy.filters.network.direct_response", configType: { case: "typedConfig", value: typedConfig } };
}

function destination(clusters: TcpFilterView["clusters"]): Pick<TcpProxyInit, "clusterSpecifier" | "metadataMatch"> {
  const [only, ...others] = clusters;
  if (only && others.length === 0) {
    return { clusterSpecifier: { case: "cluster", value: only.name }, metadataMatch: metadataMatch(only.metadataMatch) };
  }
  const weighted = clusters.map((cluster) => ({
    name: cluster.name,
    weight: cluster.weight,
    metadataMatch: metadataMatch(cluster.metadataMatch),
  }));
  return { clusterSpecifier: { case: "weightedClusters", value: { clusters: weighted } } };
}

/** Counts Kafka requests by type. A contrib extension: only an Envoy built with those knows it. */
function kafkaBroker(statPrefix: string): FilterInit {
  const typedConfig = encodeAny(KafkaBrokerSchema, { statPrefix: statName(statPrefix) });
  return { name: "envoy.filters.network.kafka_broker", configType: { case: "typedConfig", value: typedConfig } };
}
