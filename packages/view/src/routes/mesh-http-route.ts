import type { RouteRule, HttpRoutes, RouteBackends } from "@atoll/policy";
import type { RouteMatchView } from "../proxy-view.ts";
import { routeEffects } from "./route-filters.ts";
import type { RouteEffects } from "./route-filters.ts";
import { compareRouteMatches, matchView } from "./route-match.ts";

/** One route of Envoy that a rule of MeshHTTPRoutes asks for, before it has clusters and policies. */
export interface MeshRoute extends RouteEffects {
  rule: RouteRule;
  match: RouteMatchView;
  /** Absent: where the requests were going anyway. */
  backends?: RouteBackends;
}

/** Every route of a destination, the most particular first; of a prefix two, since it matches whole path segments. */
export function meshRoutes({ rules }: HttpRoutes): MeshRoute[] {
  const flat = rules.flatMap((rule) => rule.matches.map((match) => ({ rule, match })));
  return flat
    .toSorted((a, b) => compareRouteMatches(a.match, b.match))
    .flatMap(({ rule, match }) => {
      const { backends } = rule;
      return bySegment({ rule, match: matchView(match), ...routeEffects(rule.filters), ...(backends ? { backends } : {}) });
    });
}

/** Whether some rule takes every request, so that nothing is left for where the requests were going anyway. */
export const takesEverything = ({ rules }: HttpRoutes): boolean =>
  rules.some(({ matches }) =>
    matches.some(
      ({ path, method, headers = [], queryParams = [] }) =>
        path?.type === "PathPrefix" && path.value === "/" && method === undefined && headers.length + queryParams.length === 0,
    ),
  );

const withoutSlashes = (path: string): string => path.replace(/\/+$/, "");

/** `/p` becomes the exact path `/p` and the prefix `/p/`; what replaces the prefix is one of whole segments, too. */
function bySegment(route: MeshRoute): MeshRoute[] {
  const { path } = route.match;
  if (!("prefix" in path)) return [route];
  const segment = withoutSlashes(path.prefix);
  const replacement = route.path?.prefix === undefined ? undefined : withoutSlashes(route.path.prefix);
  const below: MeshRoute = { ...route, match: { ...route.match, path: { prefix: `${segment}/` } } };
  if (replacement !== undefined) below.path = { prefix: `${replacement}/` };
  if (segment === "") return [below];
  const at: MeshRoute = { ...route, match: { ...route.match, path: { exact: segment } } };
  if (replacement !== undefined) at.path = { full: replacement === "" ? "/" : replacement };
  return [at, below];
}
