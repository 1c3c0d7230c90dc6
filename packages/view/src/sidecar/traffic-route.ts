import { anyValue } from "@atoll/policy";
import type { Tags } from "@atoll/policy";
import type { StringMatcher, TrafficRouteHttp, TrafficRouteSplit } from "@atoll/resource";
import type { HeaderMatchView, HeaderOpsView, RouteMatchView, RouteRewriteView } from "../proxy-view.ts";

export interface WeightedDestination {
  tags: Tags;
  weight: number;
}

/**
 * Destinations of a TrafficRoute as one outbound takes them: `*` values mean nothing, and tags the route does not give come
 * from the outbound. Splits of weight 0 get no traffic and no cluster.
 */
export function resolveSplits(route: { split?: TrafficRouteSplit[]; destination?: Tags }, outboundTags: Tags): WeightedDestination[] {
  const splits = route.split?.length ? route.split : route.destination ? [{ weight: 1, destination: route.destination }] : [];
  return splits
    .filter(({ weight }) => weight > 0)
    .map(({ weight, destination }) => {
      const given = Object.entries(destination).filter(([, value]) => value !== anyValue);
      return { weight, tags: { ...outboundTags, ...Object.fromEntries(given) } };
    });
}

export function routeMatch({ path, method, headers }: TrafficRouteHttp["match"]): RouteMatchView {
  const matches: HeaderMatchView[] = Object.entries(headers ?? {}).map(([name, matcher]) => headerMatch(name, matcher));
  if (method) matches.push(headerMatch(":method", method));
  const at: RouteMatchView["path"] =
    path?.exact !== undefined ? { exact: path.exact } : path?.regex !== undefined ? { regex: path.regex } : { prefix: path?.prefix ?? "/" };
  return { path: at, ...(matches.length > 0 ? { headers: matches } : {}) };
}

const headerMatch = (name: string, { exact, prefix, regex }: StringMatcher): HeaderMatchView =>
  exact !== undefined ? { name, exact } : prefix !== undefined ? { name, prefix } : { name, regex: regex ?? "" };

export function routeRewrite(modify: TrafficRouteHttp["modify"]): RouteRewriteView {
  const { path, host } = modify ?? {};
  const rewrite: RouteRewriteView = {};
  if (path?.rewritePrefix !== undefined) rewrite.path = { prefix: path.rewritePrefix };
  else if (path?.regex) rewrite.path = { regex: path.regex.pattern, substitution: path.regex.substitution };
  if (host?.value !== undefined) rewrite.hostLiteral = host.value;
  else if (host?.fromPath) rewrite.hostFromPath = { regex: host.fromPath.pattern, substitution: host.fromPath.substitution };
  return rewrite;
}

export function headerOps(changes: NonNullable<TrafficRouteHttp["modify"]>["requestHeaders"]): HeaderOpsView | undefined {
  if (!changes) return undefined;
  const pick = (append: boolean) =>
    (changes.add ?? []).filter((header) => (header.append ?? false) === append).map(({ name, value }) => ({ name, value }));
  const set = pick(false);
  const add = pick(true);
  const remove = (changes.remove ?? []).map(({ name }) => name);
  return { ...(set.length ? { set } : {}), ...(add.length ? { add } : {}), ...(remove.length ? { remove } : {}) };
}
