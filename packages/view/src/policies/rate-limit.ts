import { kumaTagsHeader, kumaTagsRegex } from "@atoll/policy";
import type { RateLimitSpec, Resource } from "@atoll/resource";
import type { RateLimitView, RouteView } from "../proxy-view.ts";
import { milliseconds } from "./timeout.ts";

export function rateLimitView(conf: RateLimitSpec["conf"] | undefined): RateLimitView | undefined {
  const http = conf?.http;
  if (!http) return undefined;
  const { status, headers } = http.onRateLimit ?? {};
  return {
    requests: http.requests ?? 0,
    intervalMs: milliseconds(http.interval) ?? 0,
    ...(status === undefined ? {} : { status }),
    ...(headers?.length
      ? { headers: headers.map(({ key, value, append }) => ({ name: key ?? "", value: value ?? "", append: append ?? false })) }
      : {}),
  };
}

/** The limits that made one of `limitedRoutes`: one, or none if it is the plain route. */
export const limitsOf = (route: RouteView, limits: readonly Resource<RateLimitSpec>[]): Resource<RateLimitSpec>[] =>
  limits.filter(({ name }) => route.name === limitName(name));

const limitName = (policy: string): string => `RateLimit ${policy}`;

/** The plain route, after one like it for each limit, which only its sources take. */
export function limitedRoutes(limits: readonly Resource<RateLimitSpec>[], plain: RouteView): RouteView[] {
  const limited = limits.flatMap((limit): RouteView[] => {
    const rateLimit = rateLimitView(limit.spec.conf);
    if (!rateLimit) return [];
    const headers = [{ name: kumaTagsHeader, regex: kumaTagsRegex(limit.spec.sources) }];
    return [{ ...plain, name: limitName(limit.name), match: { ...plain.match, headers }, rateLimit }];
  });
  return [...limited, plain];
}
