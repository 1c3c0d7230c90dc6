import type { Any } from "@bufbuild/protobuf/wkt";
import { encodeAny } from "@atoll/envoy-api";
import { HTTPFaultSchema } from "@atoll/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import type { HttpFilterSchema } from "@atoll/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HeaderMatcherSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { FaultView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import { fractionalPercent } from "./percent.ts";
import type { Init } from "./init.ts";

/** Proxies of a mesh say in this header with which tags they send a request; the receiving proxy removes it. */
export const sourceTagsHeader = "x-kuma-tags";

const filterName = "envoy.filters.http.fault";

/** One fault policy as one filter, for the requests of the sources that the policy names. No faults: only routes have some. */
export function faultFilter(view: FaultView): Init<typeof HttpFilterSchema> {
  return { name: filterName, configType: { case: "typedConfig", value: faultConfig(view) } };
}

/** The fault of one route. */
export const routeFault = (view: FaultView): Record<string, Any> => ({ [filterName]: faultConfig(view) });

const sourceTags = (regex: string, invertMatch: boolean): Init<typeof HeaderMatcherSchema> => ({
  name: sourceTagsHeader,
  headerMatchSpecifier: { case: "stringMatch", value: { matchPattern: { case: "safeRegex", value: { regex } } } },
  invertMatch,
  // Who says no tags has none of them.
  treatMissingHeaderAsEmpty: invertMatch,
});

function faultConfig(view: FaultView): Any {
  const { sourceTagsRegex, otherTagsRegexes = [], delay, abort, responseBandwidth } = view;
  return encodeAny(HTTPFaultSchema, {
    headers: [
      ...(sourceTagsRegex === undefined ? [] : [sourceTags(sourceTagsRegex, false)]),
      ...otherTagsRegexes.map((regex) => sourceTags(regex, true)),
    ],
    delay: delay && {
      faultDelaySecifier: { case: "fixedDelay", value: durationOf(delay.ms) },
      percentage: fractionalPercent(delay.percent),
    },
    abort: abort && {
      errorType: { case: "httpStatus", value: abort.httpStatus },
      percentage: fractionalPercent(abort.percent),
    },
    responseRateLimit: responseBandwidth && {
      limitType: { case: "fixedLimit", value: { limitKbps: BigInt(Math.max(1, Math.round(responseBandwidth.kbps))) } },
      percentage: fractionalPercent(responseBandwidth.percent),
    },
  });
}
