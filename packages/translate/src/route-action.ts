import { create } from "@bufbuild/protobuf";
import {
  RedirectAction_RedirectResponseCode,
  RouteAction_ClusterNotFoundResponseCode,
} from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RedirectActionSchema, RouteActionSchema, RouteSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RegexMatchAndSubstituteSchema } from "@atoll/envoy-api/envoy/type/matcher/v3/regex_pb.js";
import type { RegexMatchAndSubstitute } from "@atoll/envoy-api/envoy/type/matcher/v3/regex_pb.js";
import type { RouteRewriteView, RouteView, WeightedClusterView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import { routeHashPolicy } from "./hash-policy.ts";
import { appendHeader } from "./header-value.ts";
import { metadataMatch } from "./metadata.ts";
import { fractionalPercent } from "./percent.ts";
import { retryPolicy } from "./retry.ts";
import type { Init } from "./init.ts";

type RouteActionInit = Init<typeof RouteActionSchema>;
type RedirectInit = Init<typeof RedirectActionSchema>;
type Action = Init<typeof RouteSchema>["action"];
type ForwardView = Extract<RouteView["action"], { type: "forward" }>;
type RedirectView = Extract<RouteView["action"], { type: "redirect" }>;

export function routeAction(view: RouteView): Action {
  const { action } = view;
  switch (action.type) {
    case "directResponse":
      return directResponse(action.status, action.body);
    case "redirect":
      return { case: "redirect", value: redirect(action) };
    case "forward":
      // Envoy refuses the whole route configuration if no cluster of a route has a weight.
      if (action.clusters.every((cluster) => cluster.weight <= 0)) return directResponse(500, "");
      return { case: "route", value: forward(view, action) };
  }
}

function directResponse(status: number, body: string): Action {
  return {
    case: "directResponse",
    value: { status, body: body === "" ? undefined : { specifier: { case: "inlineString", value: body } } },
  };
}

function forward(view: RouteView, action: ForwardView): RouteActionInit {
  return {
    ...destination(action.clusters),
    ...pathRewrite(action.path),
    hostRewriteSpecifier: hostRewrite(action),
    clusterNotFoundResponseCode: view.clusterNotFound500
      ? RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR
      : RouteAction_ClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
    timeout: durationOf(view.timeoutMs),
    idleTimeout: durationOf(view.idleTimeoutMs),
    maxStreamDuration: view.maxStreamDurationMs === undefined ? undefined : { maxStreamDuration: durationOf(view.maxStreamDurationMs) },
    retryPolicy: view.retry && retryPolicy(view.retry),
    requestMirrorPolicies: (action.mirrors ?? []).map(({ cluster, percent }) => ({
      cluster,
      runtimeFraction: { defaultValue: fractionalPercent(percent) },
    })),
    hashPolicy: (action.hashPolicies ?? []).map(routeHashPolicy),
  };
}

function destination(clusters: readonly WeightedClusterView[]): Pick<RouteActionInit, "clusterSpecifier" | "metadataMatch"> {
  const [only, ...others] = clusters;
  if (only && others.length === 0 && !only.requestHeadersToAdd?.length) {
    return { clusterSpecifier: { case: "cluster", value: only.name }, metadataMatch: metadataMatch(only.metadataMatch) };
  }
  const weighted = clusters.map((cluster) => ({
    name: cluster.name,
    weight: cluster.weight,
    metadataMatch: metadataMatch(cluster.metadataMatch),
    requestHeadersToAdd: (cluster.requestHeadersToAdd ?? []).map(appendHeader),
  }));
  return { clusterSpecifier: { case: "weightedClusters", value: { clusters: weighted } } };
}

function pathRewrite(path: RouteRewriteView["path"]): Pick<RouteActionInit, "prefixRewrite" | "regexRewrite"> {
  if (path === undefined) return {};
  return "prefix" in path ? { prefixRewrite: path.prefix } : { regexRewrite: pathSubstitution(path) };
}

/** The whole path is replaced by a regex, because that leaves the query string alone. A backslash in the new path means itself. */
function pathSubstitution(path: { regex: string; substitution: string } | { full: string }): RegexMatchAndSubstitute {
  const { regex, substitution } = "full" in path ? { regex: ".*", substitution: path.full.replaceAll("\\", "\\\\") } : path;
  return create(RegexMatchAndSubstituteSchema, { pattern: { regex }, substitution });
}

function hostRewrite(view: RouteRewriteView): RouteActionInit["hostRewriteSpecifier"] {
  if (view.hostLiteral !== undefined) return { case: "hostRewriteLiteral", value: view.hostLiteral };
  if (view.hostFromPath) return { case: "hostRewritePathRegex", value: pathSubstitution(view.hostFromPath) };
  return view.autoHost ? { case: "autoHostRewrite", value: { value: true } } : { case: undefined };
}

const redirectCodes = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
} as const;

function redirect(view: RedirectView): RedirectInit {
  return {
    schemeRewriteSpecifier: view.scheme === undefined ? undefined : { case: "schemeRedirect", value: view.scheme },
    hostRedirect: view.host ?? "",
    portRedirect: view.port ?? 0,
    responseCode: redirectCodes[view.statusCode],
    stripQuery: view.stripQuery ?? false,
    pathRewriteSpecifier: redirectPath(view.path),
  };
}

function redirectPath(path: RouteRewriteView["path"]): RedirectInit["pathRewriteSpecifier"] {
  if (path === undefined) return undefined;
  if ("prefix" in path) return { case: "prefixRewrite", value: path.prefix };
  if ("full" in path) return { case: "pathRedirect", value: path.full };
  return { case: "regexRewrite", value: pathSubstitution(path) };
}
