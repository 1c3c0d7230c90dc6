import type { Fault, HashPolicy, RequestLimit, RequestRetries } from "@atoll/policy";
import type { Tags } from "./tags.ts";

export type RetryView = RequestRetries;
export type RateLimitView = RequestLimit;
export type FaultView = Fault;

export interface RouteConfigView {
  name: string;
  virtualHosts: VirtualHostView[];
  requestHeadersToRemove?: string[];
  ignorePortInHostMatching?: boolean;
}

export interface VirtualHostView {
  name: string;
  domains: string[];
  requireTls?: boolean;
  responseHeadersToSet?: HeaderValue[];
  retry?: RetryView;
  routes: RouteView[];
}

export interface HeaderValue {
  name: string;
  value: string;
}

export interface RouteView {
  /** For humans and for explain: the resource and rule this came from. */
  name?: string;
  match: RouteMatchView;
  action:
    | ({
        type: "forward";
        clusters: WeightedClusterView[];
        mirrors?: { cluster: string; percent: number }[];
        /** What the cluster's balancer makes its hash of, if it makes one. */
        hashPolicies?: readonly HashPolicy[];
      } & RouteRewriteView)
    | {
        type: "redirect";
        scheme?: string;
        host?: string;
        port?: number;
        statusCode: 301 | 302 | 303 | 307 | 308;
        stripQuery?: boolean;
        path?: RouteRewriteView["path"];
      }
    | { type: "directResponse"; status: number; body: string };
  requestHeaders?: HeaderOpsView;
  responseHeaders?: HeaderOpsView;
  timeoutMs?: number;
  idleTimeoutMs?: number;
  maxStreamDurationMs?: number;
  retry?: RetryView;
  rateLimit?: RateLimitView;
  /** In place of those of the listener; needs its `routeFaults`. */
  fault?: FaultView;
  /** Answer 500 instead of 503 when the cluster is unknown. */
  clusterNotFound500?: boolean;
}

export interface RouteMatchView {
  path: { exact: string } | { prefix: string } | { regex: string };
  headers?: HeaderMatchView[];
  query?: { name: string; exact?: string; regex?: string }[];
}

export interface HeaderMatchView {
  name: string;
  exact?: string;
  prefix?: string;
  regex?: string;
  present?: boolean;
  invert?: boolean;
}

export interface RouteRewriteView {
  path?: { prefix: string } | { regex: string; substitution: string } | { full: string };
  hostLiteral?: string;
  hostFromPath?: { regex: string; substitution: string };
  /** Rewrite the host to the upstream's host name. */
  autoHost?: boolean;
}

export interface WeightedClusterView {
  name: string;
  weight: number;
  requestHeadersToAdd?: HeaderValue[];
  metadataMatch?: Tags;
}

/** `set` overwrites, `add` appends, as Envoy's OVERWRITE_IF_EXISTS_OR_ADD and APPEND_IF_EXISTS_OR_ADD. */
export interface HeaderOpsView {
  set?: HeaderValue[];
  add?: HeaderValue[];
  remove?: string[];
}
