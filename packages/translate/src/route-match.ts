import type {
  HeaderMatcherSchema,
  QueryParameterMatcherSchema,
  RouteMatchSchema,
} from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { HeaderMatchView, RouteMatchView } from "@atoll/view";
import { stringMatcher } from "./string-matcher.ts";
import type { Init } from "./init.ts";

type RouteMatchInit = Init<typeof RouteMatchSchema>;

export function routeMatch(view: RouteMatchView): RouteMatchInit {
  return {
    pathSpecifier: pathSpecifier(view.path),
    headers: (view.headers ?? []).map(headerMatcher),
    queryParameters: (view.query ?? []).map(queryMatcher),
  };
}

function pathSpecifier(path: RouteMatchView["path"]): RouteMatchInit["pathSpecifier"] {
  if ("exact" in path) return { case: "path", value: path.exact };
  if ("prefix" in path) return { case: "prefix", value: path.prefix };
  return { case: "safeRegex", value: { regex: path.regex } };
}

/** Without a value to compare, the header must be there (or be absent, for `present: false`). */
function headerMatcher(view: HeaderMatchView): Init<typeof HeaderMatcherSchema> {
  const value = stringMatcher(view);
  return {
    name: view.name,
    headerMatchSpecifier: value ? { case: "stringMatch", value } : { case: "presentMatch", value: view.present ?? true },
    invertMatch: view.invert ?? false,
  };
}

function queryMatcher(view: { name: string; exact?: string; regex?: string }): Init<typeof QueryParameterMatcherSchema> {
  const value = stringMatcher(view);
  return { name: view.name, queryParameterMatchSpecifier: value ? { case: "stringMatch", value } : { case: "presentMatch", value: true } };
}
