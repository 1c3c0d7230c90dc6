import type { Any } from "@bufbuild/protobuf/wkt";
import { encodeAny } from "@atoll/envoy-api";
import type { RuntimeFractionalPercentSchema } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import { LocalRateLimitSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { FractionalPercent_DenominatorType } from "@atoll/envoy-api/envoy/type/v3/percent_pb.js";
import { LocalRateLimitSchema as ConnectionLimitSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import type { FilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { RateLimitView, TcpFilterView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import { appendHeader, overwriteHeader } from "./header-value.ts";
import type { Init } from "./init.ts";

const filterName = "envoy.filters.http.local_ratelimit";
const statPrefix = "rate_limit";

/** The filter without a limit: it lets everything pass, and a route that has a limit of its own switches it on. */
export function rateLimitFilter(): Init<typeof HttpFilterSchema> {
  return { name: filterName, configType: { case: "typedConfig", value: encodeAny(LocalRateLimitSchema, { statPrefix }) } };
}

/** The limit of one route, counted by each Envoy for itself: a full bucket every interval. */
export function routeRateLimit(view: RateLimitView): Record<string, Any> {
  const limit = encodeAny(LocalRateLimitSchema, {
    statPrefix,
    status: view.status === undefined ? undefined : { code: view.status },
    tokenBucket: { maxTokens: view.requests, tokensPerFill: view.requests, fillInterval: durationOf(view.intervalMs) },
    filterEnabled: always("local_rate_limit_enabled"),
    filterEnforced: always("local_rate_limit_enforced"),
    responseHeadersToAdd: (view.headers ?? []).map((header) => (header.append ? appendHeader(header) : overwriteHeader(header))),
  });
  return { [filterName]: limit };
}

/** The limit of connections of one filter chain, counted by each Envoy for itself. */
export function connectionLimit({ connections, intervalMs }: NonNullable<TcpFilterView["connectionLimit"]>): Init<typeof FilterSchema> {
  const value = encodeAny(ConnectionLimitSchema, {
    statPrefix: "tcp_rate_limit",
    tokenBucket: { maxTokens: connections, tokensPerFill: connections, fillInterval: durationOf(intervalMs) },
  });
  return { name: "envoy.filters.network.local_ratelimit", configType: { case: "typedConfig", value } };
}

/** Envoy's default is 0 percent; the runtime key lets an operator change it in a running proxy. */
function always(runtimeKey: string): Init<typeof RuntimeFractionalPercentSchema> {
  return { runtimeKey, defaultValue: { numerator: 100, denominator: FractionalPercent_DenominatorType.HUNDRED } };
}
