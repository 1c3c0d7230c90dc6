import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Cluster_RingHashLbConfig } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { HeaderValueOption } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import type { RetryPolicy_RetryBackOff, WeightedCluster } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { FileAccessLogSchema } from "@atoll/envoy-api/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { HTTPFaultSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { LocalRateLimitSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { LocalRateLimit } from "@atoll/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { HttpConnectionManagerSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "@atoll/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { DnsFilterConfigSchema } from "@atoll/envoy-api/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.js";
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { HttpProtocolOptionsSchema } from "@atoll/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { RegexMatcher } from "@atoll/envoy-api/envoy/type/matcher/v3/regex_pb.js";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { changedHeaderFault, envoyFormatFault, regexFault } from "@atoll/resource";
import { packedIn } from "@atoll/envoy-api";
import { createRuleFault } from "./native-rules.ts";

/**
 * What Envoy's code demands beyond the rules that its API states, by type: found in its sources and held against its
 * `--mode validate` by a test. A fault is told in Envoy's words where it has some.
 */
const demands = {
  "envoy.type.matcher.v3.RegexMatcher": ({ regex }: RegexMatcher) => regexFault(regex),
  "envoy.config.core.v3.HeaderValueOption": ({ header }: HeaderValueOption) =>
    header && (changedHeaderFault(header.key) ?? envoyFormatFault(header.value)),
  "envoy.config.route.v3.Route": removedHeaders,
  "envoy.config.route.v3.VirtualHost": removedHeaders,
  "envoy.config.route.v3.RouteConfiguration": (routes: RouteConfiguration) => removedHeaders(routes) ?? domainsFault(routes),
  "envoy.config.route.v3.WeightedCluster": weightsFault,
  "envoy.config.route.v3.RetryPolicy.RetryBackOff": ({ baseInterval, maxInterval }: RetryPolicy_RetryBackOff) =>
    baseInterval && maxInterval && nanoseconds(maxInterval) < nanoseconds(baseInterval)
      ? "retry_policy.max_interval must greater than or equal to the base_interval"
      : undefined,
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": ({ tokenBucket }: LocalRateLimit) =>
    tokenBucket?.fillInterval && nanoseconds(tokenBucket.fillInterval) < 50_000_000n
      ? "local rate limit token bucket fill timer must be >= 50ms"
      : undefined,
  "envoy.config.cluster.v3.Cluster.RingHashLbConfig": ({
    minimumRingSize = 1024n,
    maximumRingSize = 8_388_608n,
  }: Cluster_RingHashLbConfig) =>
    minimumRingSize > maximumRingSize
      ? `ring hash: minimum_ring_size (${minimumRingSize}) > maximum_ring_size (${maximumRingSize})`
      : undefined,
  "google.protobuf.Any": (any: Any) => {
    let fault = packedFaults.get(any);
    if (fault === undefined) {
      const schema = packed.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1));
      fault = (schema && messageFault(schema, packedIn(schema, any) ?? fromBinary(schema, any.value))) ?? null;
      packedFaults.set(any, fault);
    }
    return fault ?? undefined;
  },
};

/** What is packed is never changed, and is part of many messages. null = nothing is wrong with it. */
const packedFaults = new WeakMap<Any, string | null>();

/** Types that are looked into where they are packed: those with values that users write. */
const packed = createRegistry(
  HttpConnectionManagerSchema,
  TcpProxySchema,
  LocalRateLimitSchema,
  HTTPFaultSchema,
  FileAccessLogSchema,
  HttpProtocolOptionsSchema,
  UpstreamTlsContextSchema,
  DownstreamTlsContextSchema,
  DnsFilterConfigSchema,
);

const check = createRuleFault(new Map(Object.entries(demands)));

/** Why Envoy would refuse a message; undefined as far as can be told without it. */
export function messageFault<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string | undefined {
  return check(schema, message);
}

const nanoseconds = ({ seconds, nanos }: Duration): bigint => seconds * 1_000_000_000n + BigInt(nanos);

function removedHeaders(message: { requestHeadersToRemove: string[]; responseHeadersToRemove: string[] }): string | undefined {
  for (const name of [...message.requestHeadersToRemove, ...message.responseHeadersToRemove]) {
    const fault = changedHeaderFault(name);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Envoy compares names of hosts without their case. */
function domainsFault({ virtualHosts }: RouteConfiguration): string | undefined {
  const seen = new Set<string>();
  for (const domain of virtualHosts.flatMap(({ domains }) => domains)) {
    const lower = domain.toLowerCase();
    if (seen.has(lower)) return `Only unique values for domains are permitted. Duplicate entry of domain ${lower}`;
    seen.add(lower);
  }
  return undefined;
}

function weightsFault({ clusters }: WeightedCluster): string | undefined {
  const sum = clusters.reduce((total, { weight }) => total + Number(weight ?? 0), 0);
  if (sum === 0) return "Sum of weights in the weighted_cluster must be greater than 0.";
  return sum > 4_294_967_295 ? "The sum of weights of all weighted clusters of route exceeds 4294967295" : undefined;
}
