import type { HttpRouteMatch } from "@atoll/policy";
import type { HeaderMatchView, RouteMatchView } from "../proxy-view.ts";

type Header = NonNullable<HttpRouteMatch["headers"]>[number];

/** The match as Envoy takes it. A prefix is still one of whole path segments; no path is any. */
export function matchView({ path, method, headers = [], queryParams = [] }: HttpRouteMatch): RouteMatchView {
  const at: RouteMatchView["path"] =
    path === undefined
      ? { prefix: "/" }
      : path.type === "Exact"
        ? { exact: path.value }
        : path.type === "PathPrefix"
          ? { prefix: path.value }
          : { regex: path.value };
  const wanted = firstOfEach(headers).map(headerView);
  if (method !== undefined) wanted.unshift({ name: ":method", exact: method });
  const query = firstOfEach(queryParams).map(({ type, name, value }) =>
    type === "Exact" ? { name, exact: value } : { name, regex: value },
  );
  return { path: at, ...(wanted.length > 0 ? { headers: wanted } : {}), ...(query.length > 0 ? { query } : {}) };
}

function headerView({ type, name, value = "" }: Header): HeaderMatchView {
  switch (type) {
    case "Exact":
      return { name, exact: value };
    case "RegularExpression":
      return { name, regex: value };
    case "Prefix":
      // Every value begins with nothing, and Envoy takes no empty prefix.
      return value === "" ? { name, present: true } : { name, prefix: value };
    case "Present":
      return { name, present: true };
    case "Absent":
      return { name, present: false };
  }
}

/** Of two entries of one name the first counts (Gateway API, HTTPHeaderMatch). */
function firstOfEach<Named extends { name: string }>(entries: readonly Named[]): Named[] {
  const byName = new Map<string, Named>();
  for (const one of entries) if (!byName.has(one.name)) byName.set(one.name, one);
  return [...byName.values()];
}

const pathKinds = ["Exact", "PathPrefix", "RegularExpression"] as const;

/**
 * Envoy takes the first route that matches, so the most particular comes first: exact path, prefix, regex, each the longer first, then
 * any path; then with a method, with more headers, with more query parameters. Equals stay in their order.
 */
export function compareRouteMatches(a: HttpRouteMatch, b: HttpRouteMatch): number {
  const kind = ({ path }: HttpRouteMatch): number => (path === undefined ? pathKinds.length : pathKinds.indexOf(path.type));
  const isExact = a.path?.type === "Exact" && b.path?.type === "Exact";
  return (
    kind(a) - kind(b) ||
    (isExact ? 0 : (b.path?.value.length ?? 0) - (a.path?.value.length ?? 0)) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    (b.headers?.length ?? 0) - (a.headers?.length ?? 0) ||
    (b.queryParams?.length ?? 0) - (a.queryParams?.length ?? 0)
  );
}
