import { encodeAny } from "@atoll/envoy-api";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "@atoll/envoy-api/envoy/config/core/v3/protocol_pb.js";
import type { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { GzipSchema } from "@atoll/envoy-api/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.js";
import { CompressorSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/compressor/v3/compressor_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { RouterSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  HttpConnectionManagerSchema,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
} from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilterView, RbacView, RouteConfigView } from "@atoll/view";
import type { RouteConfiguration } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { accessLog } from "./access-log.ts";
import { overAds } from "./config-source.ts";
import { durationOf } from "./duration.ts";
import { faultFilter } from "./fault.ts";
import { edgeHttp2Windows } from "./http2.ts";
import { rateLimitFilter } from "./rate-limit.ts";
import { httpRbac } from "./rbac.ts";
import { statName } from "./stat-name.ts";
import { tracing } from "./tracing.ts";
import type { Init } from "./init.ts";

type ManagerInit = Init<typeof HttpConnectionManagerSchema>;
type HttpFilterInit = Init<typeof HttpFilterSchema>;

export interface HttpConnectionOptions {
  routes: (view: RouteConfigView) => RouteConfiguration;
  /** Requests that it does not allow are answered with 403. */
  rbac?: RbacView | undefined;
}

export function httpConnectionManager(view: HttpFilterView, { routes, rbac }: HttpConnectionOptions): Init<typeof FilterSchema> {
  const edge: Partial<ReturnType<typeof edgeHardening>> = view.edge ? edgeHardening(view.edge.serverName) : {};
  const idleTimeoutMs = view.idleTimeoutMs ?? (view.edge && edgeIdleTimeoutMs);
  const common = view.edge !== undefined || idleTimeoutMs !== undefined || view.maxStreamDurationMs !== undefined;
  const typedConfig = encodeAny(HttpConnectionManagerSchema, {
    http2ProtocolOptions: { allowConnect: true },
    upgradeConfigs: [{ upgradeType: "websocket" }],
    internalAddressConfig: { cidrRanges: internalAddresses },
    ...(view.normalizePath && { normalizePath: true }),
    ...edge,
    statPrefix: statName(view.statPrefix),
    routeSpecifier:
      "rds" in view.routes
        ? { case: "rds", value: { routeConfigName: view.routes.rds, configSource: overAds() } }
        : { case: "routeConfig", value: routes(view.routes.inline) },
    httpFilters: httpFilters(view, rbac),
    commonHttpProtocolOptions: common
      ? {
          ...edge.commonHttpProtocolOptions,
          idleTimeout: durationOf(idleTimeoutMs),
          maxStreamDuration: durationOf(view.maxStreamDurationMs),
        }
      : undefined,
    streamIdleTimeout: durationOf(view.streamIdleTimeoutMs) ?? edge.streamIdleTimeout,
    requestHeadersTimeout: durationOf(view.requestHeadersTimeoutMs) ?? edge.requestHeadersTimeout,
    requestTimeout: durationOf(view.requestTimeoutMs),
    accessLog: (view.accessLogs ?? []).map(accessLog),
    tracing: view.tracing && tracing(view.tracing),
    ...(view.forwardClientCertificate && {
      forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
      setCurrentClientCertDetails: { uri: true },
    }),
  });
  return { name: "envoy.filters.network.http_connection_manager", configType: { case: "typedConfig", value: typedConfig } };
}

const edgeIdleTimeoutMs = 5 * 60_000;

/**
 * Whose requests may bring headers for Envoy itself, such as `x-envoy-retry-on`, and are marked `x-envoy-internal`: private networks and
 * this machine, as everywhere in Kuma. Written out, because Envoy's default depends on its version.
 */
const internalAddresses = [
  { addressPrefix: "10.0.0.0", prefixLen: 8 },
  { addressPrefix: "192.168.0.0", prefixLen: 16 },
  { addressPrefix: "172.16.0.0", prefixLen: 12 },
  { addressPrefix: "fc00::", prefixLen: 7 },
  { addressPrefix: "127.0.0.1", prefixLen: 32 },
  { addressPrefix: "::1", prefixLen: 128 },
];

/**
 * What an Envoy that faces strangers should do, as Envoy's guide for edge proxies says: trust the connection for the client's address,
 * not a header; bring paths to one form, so that a route cannot be passed by another spelling; bound time and memory per client.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
 */
function edgeHardening(serverName: string) {
  return {
    serverName,
    useRemoteAddress: true,
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
    commonHttpProtocolOptions: { headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST },
    http2ProtocolOptions: { maxConcurrentStreams: 100, allowConnect: true, ...edgeHttp2Windows },
    streamIdleTimeout: durationOf(5_000),
    requestHeadersTimeout: durationOf(500),
  } satisfies Partial<ManagerInit>;
}

/** Faults come first: they stand for the service itself misbehaving, so no limit counts them. The router is always last. */
function httpFilters(view: HttpFilterView, rbac: RbacView | undefined): HttpFilterInit[] {
  return [
    ...(rbac ? [httpRbac(rbac)] : []),
    ...(view.faults ?? []).map(faultFilter),
    ...(view.routeFaults ? [faultFilter({})] : []),
    ...(view.localRateLimit ? [rateLimitFilter()] : []),
    ...(view.compress ? [compressor()] : []),
    ...(view.grpcStats ? [grpcStats()] : []),
    { name: "envoy.filters.http.router", configType: { case: "typedConfig", value: encodeAny(RouterSchema, {}) } },
  ];
}

/** Compresses responses for clients that accept gzip, but not those with an ETag: it names the bytes as they were. */
function compressor(): HttpFilterInit {
  const library = { name: "gzip", typedConfig: encodeAny(GzipSchema, {}) };
  const value = encodeAny(CompressorSchema, { compressorLibrary: library, responseDirectionConfig: { disableOnEtagHeader: true } });
  return { name: "gzip-compress", configType: { case: "typedConfig", value } };
}

function grpcStats(): HttpFilterInit {
  const value = encodeAny(GrpcStatsSchema, { emitFilterState: true });
  return { name: "envoy.filters.http.grpc_stats", configType: { case: "typedConfig", value } };
}
