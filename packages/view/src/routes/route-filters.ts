import type { HttpRouteFilter, RouteBackend } from "@atoll/policy";
import type { HeaderOpsView, HeaderValue } from "../proxy-view.ts";

type Redirect = NonNullable<HttpRouteFilter["requestRedirect"]>;
type Modifier = NonNullable<HttpRouteFilter["requestHeaderModifier"]>;

/** What becomes of a path: replaced as a whole, or in the part that the match names. */
export interface PathChange {
  full?: string | undefined;
  prefix?: string | undefined;
}

/** What the filters of a rule do to its requests. */
export interface RouteEffects {
  redirect?: Omit<Redirect, "path">;
  path?: PathChange;
  /** The backend's own host name in place of the request's. */
  autoHost?: boolean;
  hostLiteral?: string;
  mirrors: { ref: RouteBackend; percent: number }[];
  requestHeaders: Required<HeaderOpsView>;
  responseHeaders: Required<HeaderOpsView>;
}

const noOps = (): Required<HeaderOpsView> => ({ set: [], add: [], remove: [] });

/** Header filters add up; of the others of a kind the last one counts. After a redirect nothing else matters. */
export function routeEffects(filters: readonly HttpRouteFilter[]): RouteEffects {
  const effects: RouteEffects = { mirrors: [], requestHeaders: noOps(), responseHeaders: noOps() };
  for (const filter of filters) {
    const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror } = filter;
    if (requestRedirect) {
      const { path, ...target } = requestRedirect;
      effects.redirect = target;
      if (path) effects.path = pathChange(path);
    } else if (urlRewrite) {
      if (urlRewrite.path) effects.path = pathChange(urlRewrite.path);
      if (urlRewrite.hostname !== undefined) effects.hostLiteral = urlRewrite.hostname;
      if (urlRewrite.hostToBackendHostname) effects.autoHost = true;
    } else if (requestMirror) {
      effects.mirrors.push({ ref: requestMirror.backendRef, percent: Number(requestMirror.percentage ?? 100) });
    } else if (requestHeaderModifier) {
      const host = (requestHeaderModifier.set ?? []).findLast(isHost);
      if (host) effects.hostLiteral = host.value;
      const set = (requestHeaderModifier.set ?? []).filter((header) => !isHost(header));
      effects.requestHeaders = addOps(effects.requestHeaders, { ...requestHeaderModifier, set });
    } else if (responseHeaderModifier) {
      effects.responseHeaders = addOps(effects.responseHeaders, responseHeaderModifier);
    }
  }
  return effects;
}

/** Envoy has a way of its own for it, and refuses it among the headers. */
const isHost = ({ name }: HeaderValue): boolean => name === "host";

const pathChange = ({ type, replaceFullPath, replacePrefixMatch }: NonNullable<Redirect["path"]>): PathChange =>
  type === "ReplaceFullPath" ? { full: replaceFullPath ?? "/" } : { prefix: replacePrefixMatch ?? "" };

const addOps = (ops: Required<HeaderOpsView>, { set = [], add = [], remove = [] }: Modifier): Required<HeaderOpsView> => ({
  set: [...ops.set, ...set],
  add: [...ops.add, ...add],
  remove: [...ops.remove, ...remove],
});
