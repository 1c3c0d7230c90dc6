import { encodeAny } from "@atoll/envoy-api";
import type {
  HeaderMatcherSchema,
  RetryPolicySchema,
  RetryPolicy_RetryHostPredicateSchema,
} from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RetryPolicy_ResetHeaderFormat } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { OmitHostMetadataConfigSchema } from "@atoll/envoy-api/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb.js";
import { PreviousHostsPredicateSchema } from "@atoll/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "@atoll/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import type { RetryView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import type { Init } from "./init.ts";
import { metadataMatch } from "./metadata.ts";

type HostPredicate = Init<typeof RetryPolicy_RetryHostPredicateSchema>;
type HeaderMatch = NonNullable<RetryView["retriableRequestHeaders"]>[number];

/**
 * Of tries of a request whose retries are to go elsewhere, and of hosts that are looked at for each: Envoy sets memory aside for all tries at
 * the first one, and looks without a pause. What is beyond this is as good as without end, and ends an Envoy.
 */
const mostTries = 1_000;

export function retryPolicy(view: RetryView): Init<typeof RetryPolicySchema> {
  const { backOff, rateLimitedBackOff, retriableMethods = [], retriableRequestHeaders = [] } = view;
  const elsewhere = (view.omitHosts ?? []).length > 0 || view.omitPreviousPriorities !== undefined;
  return {
    retryOn: view.retryOn,
    numRetries: elsewhere && view.numRetries !== undefined ? Math.min(view.numRetries, mostTries) : view.numRetries,
    perTryTimeout: durationOf(view.perTryTimeoutMs),
    retryBackOff: backOff && { baseInterval: durationOf(backOff.baseIntervalMs), maxInterval: durationOf(backOff.maxIntervalMs) },
    rateLimitedRetryBackOff: rateLimitedBackOff && {
      resetHeaders: rateLimitedBackOff.resetHeaders.map(({ name, format }) => ({ name, format: RetryPolicy_ResetHeaderFormat[format] })),
      maxInterval: durationOf(rateLimitedBackOff.maxIntervalMs),
    },
    retriableStatusCodes: view.retriableStatusCodes ?? [],
    retriableRequestHeaders: [...retriableMethods.map((method) => ({ name: ":method", exact: method })), ...retriableRequestHeaders].map(
      header,
    ),
    retriableHeaders: (view.retriableResponseHeaders ?? []).map(header),
    retryHostPredicate: (view.omitHosts ?? []).map(hostPredicate),
    retryPriority: view.omitPreviousPriorities === undefined ? undefined : priorities(view.omitPreviousPriorities),
    hostSelectionRetryMaxAttempts: BigInt(Math.max(0, Math.min(view.hostSelectionMaxAttempts ?? 0, mostTries))),
  };
}

function header(match: HeaderMatch): Init<typeof HeaderMatcherSchema> {
  const { name } = match;
  if ("present" in match) return { name, headerMatchSpecifier: { case: "presentMatch", value: match.present } };
  const matchPattern =
    "exact" in match
      ? ({ case: "exact", value: match.exact } as const)
      : "prefix" in match
        ? ({ case: "prefix", value: match.prefix } as const)
        : ({ case: "safeRegex", value: { regex: match.regex } } as const);
  return { name, headerMatchSpecifier: { case: "stringMatch", value: { matchPattern } } };
}

function hostPredicate(omitted: NonNullable<RetryView["omitHosts"]>[number]): HostPredicate {
  const name = "previous" in omitted ? "previous_hosts" : "omit_host_metadata";
  const value =
    "previous" in omitted
      ? encodeAny(PreviousHostsPredicateSchema, {})
      : encodeAny(OmitHostMetadataConfigSchema, { metadataMatch: metadataMatch({ ...omitted.tags }) });
  return { name: `envoy.retry_host_predicates.${name}`, configType: { case: "typedConfig", value } };
}

function priorities(updateFrequency: number): Init<typeof RetryPolicySchema>["retryPriority"] {
  const value = encodeAny(PreviousPrioritiesConfigSchema, { updateFrequency });
  return { name: "envoy.retry_priorities.previous_priorities", configType: { case: "typedConfig", value } };
}
