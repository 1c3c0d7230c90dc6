import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { encodeAny } from "@atoll/envoy-api";
import {
  ClusterSchema,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
} from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster, Cluster_CommonLbConfigSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { HttpProtocolOptionsSchema } from "@atoll/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { ClusterView } from "@atoll/view";
import { socketAddress } from "./address.ts";
import { circuitBreakers, outlierDetection } from "./circuit-breaker.ts";
import { overAds } from "./config-source.ts";
import { durationOf } from "./duration.ts";
import { inlineEndpoints } from "./endpoint.ts";
import { healthCheck } from "./health-check.ts";
import { edgeHttp2Windows } from "./http2.ts";
import { loadBalancer, subsets } from "./load-balancer.ts";
import { sortedTags } from "./metadata.ts";
import { statName } from "./stat-name.ts";
import { upstreamTlsSocket } from "./tls.ts";
import type { Init } from "./init.ts";

type ClusterInit = Init<typeof ClusterSchema>;
type CommonLb = Init<typeof Cluster_CommonLbConfigSchema>;

export function translateCluster(view: ClusterView): Cluster {
  const altStatName = view.altStatName ?? statName(view.name);
  const checks = view.healthCheck ? [healthCheck(view.healthCheck)] : [];
  return create(ClusterSchema, {
    name: view.name,
    altStatName: altStatName === view.name ? "" : altStatName,
    connectTimeout: durationOf(view.connectTimeoutMs),
    perConnectionBufferLimitBytes: view.perConnectionBufferLimitBytes,
    ...loadBalancer(view.loadBalancer),
    ...discovery(view),
    lbSubsetConfig: subsets(view.subsetKeys),
    commonLbConfig: commonLoadBalancing(view),
    circuitBreakers: circuitBreakers(view.circuitBreaker),
    outlierDetection: outlierDetection(view.circuitBreaker),
    healthChecks: checks,
    // An endpoint that is gone from the configuration is gone: active checks must not keep it.
    ignoreHealthOnHostRemoval: checks.length > 0,
    transportSocket: view.tls && upstreamTlsSocket(view.tls),
    transportSocketMatches: (view.tlsMatches ?? []).map(({ name, match, tls }) => ({
      name,
      match: sortedTags(match),
      transportSocket: upstreamTlsSocket(tls),
    })),
    upstreamBindConfig: view.sourceAddress === undefined ? undefined : { sourceAddress: socketAddress(view.sourceAddress, 0) },
    typedExtensionProtocolOptions: httpOptions(view),
  });
}

function discovery({ name, discovery }: ClusterView): Partial<ClusterInit> {
  const type = (value: Cluster_DiscoveryType) => ({ case: "type" as const, value });
  switch (discovery.type) {
    case "eds":
      return { clusterDiscoveryType: type(Cluster_DiscoveryType.EDS), edsClusterConfig: { edsConfig: overAds() } };
    case "static":
      return { clusterDiscoveryType: type(Cluster_DiscoveryType.STATIC), loadAssignment: inlineEndpoints(name, discovery.endpoints) };
    case "dns":
      return {
        clusterDiscoveryType: type(Cluster_DiscoveryType.STRICT_DNS),
        dnsLookupFamily: discovery.family === "v4Only" ? Cluster_DnsLookupFamily.V4_ONLY : Cluster_DnsLookupFamily.AUTO,
        loadAssignment: inlineEndpoints(name, discovery.endpoints),
      };
    case "originalDst":
      return { clusterDiscoveryType: type(Cluster_DiscoveryType.ORIGINAL_DST), lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED };
  }
}

function commonLoadBalancing(view: ClusterView): ClusterInit["commonLbConfig"] {
  const { healthyPanicThresholdPercent, failTrafficOnPanic, localityWeighted } = view;
  if (healthyPanicThresholdPercent === undefined && failTrafficOnPanic === undefined && !localityWeighted) return undefined;
  return {
    healthyPanicThreshold: healthyPanicThresholdPercent === undefined ? undefined : { value: healthyPanicThresholdPercent },
    localityConfigSpecifier: byLocality(failTrafficOnPanic, localityWeighted),
  };
}

/** Envoy takes one or the other: it weighs localities, or fails when it panics. */
function byLocality(failTrafficOnPanic: boolean | undefined, weighted: boolean | undefined): CommonLb["localityConfigSpecifier"] {
  if (weighted && !failTrafficOnPanic) return { case: "localityWeightedLbConfig", value: {} };
  return failTrafficOnPanic === undefined ? { case: undefined } : { case: "zoneAwareLbConfig", value: { failTrafficOnPanic } };
}

/** None for plain TCP: Envoy refuses HTTP options that name no protocol. */
function httpOptions(view: ClusterView): Record<string, Any> {
  if (view.http === undefined) return {};
  // A cluster that bounds its buffers belongs to an edge proxy; unbounded HTTP/2 windows would undo that.
  // `allowConnect`: a websocket crosses HTTP/2 as an extended CONNECT.
  const http2 = { allowConnect: true, ...(view.perConnectionBufferLimitBytes === undefined ? {} : edgeHttp2Windows) };
  const { idleTimeoutMs, maxStreamDurationMs, maxConnectionDurationMs } = view;
  const common = [idleTimeoutMs, maxStreamDurationMs, maxConnectionDurationMs].some((one) => one !== undefined);
  const options = encodeAny(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: common
      ? {
          idleTimeout: durationOf(idleTimeoutMs),
          maxStreamDuration: durationOf(maxStreamDurationMs),
          maxConnectionDuration: durationOf(maxConnectionDurationMs),
        }
      : undefined,
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: {
        protocolConfig: view.http === "http2" ? { case: "http2ProtocolOptions", value: http2 } : { case: "httpProtocolOptions", value: {} },
      },
    },
  });
  return { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options };
}
