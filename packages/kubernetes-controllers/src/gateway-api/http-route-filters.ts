import { type BackendContext, backendTarget, type TargetRef, type UnresolvedRef } from "./backend-target.ts";
import type { HeaderModifier, HttpRouteFilter, PathModifier } from "./gateway-api-objects.ts";

type Header = { readonly name: string; readonly value: string };

interface MeshHeaderModifier {
  readonly set?: readonly Header[];
  readonly add?: readonly Header[];
  readonly remove?: readonly string[];
}

/** A filter of a MeshHTTPRoute. */
export type MeshFilter =
  | { readonly type: "RequestHeaderModifier"; readonly requestHeaderModifier: MeshHeaderModifier }
  | { readonly type: "ResponseHeaderModifier"; readonly responseHeaderModifier: MeshHeaderModifier }
  | { readonly type: "RequestRedirect"; readonly requestRedirect: object }
  | { readonly type: "URLRewrite"; readonly urlRewrite: object }
  | { readonly type: "RequestMirror"; readonly requestMirror: { readonly backendRef: TargetRef } };

/** What a filter becomes; "nothing" if it changes nothing; what it refers to and is not there; or that there is no such filter here. */
export type ConvertedFilter = { readonly filter: MeshFilter } | { readonly unresolved: UnresolvedRef } | "nothing" | "unsupported";

/** The filter of a MeshHTTPRoute that does what a filter of an HTTPRoute asks for. */
export function meshFilter(filter: HttpRouteFilter, context: BackendContext): ConvertedFilter {
  const { type, requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror } = filter;
  if (type === "RequestHeaderModifier" && requestHeaderModifier) {
    const modifier = meshHeaderModifier(requestHeaderModifier);
    return modifier === undefined ? "nothing" : { filter: { type, requestHeaderModifier: modifier } };
  }
  if (type === "ResponseHeaderModifier" && responseHeaderModifier) {
    const modifier = meshHeaderModifier(responseHeaderModifier);
    return modifier === undefined ? "nothing" : { filter: { type, responseHeaderModifier: modifier } };
  }
  if (type === "RequestRedirect" && requestRedirect) {
    const { scheme, hostname, path, statusCode } = requestRedirect;
    const port = requestRedirect.port ?? (scheme === undefined ? undefined : schemePorts[scheme]);
    return {
      filter: {
        type,
        requestRedirect: {
          ...(scheme !== undefined && { scheme }),
          ...(hostname !== undefined && { hostname }),
          ...(path && { path: meshPath(path) }),
          ...(port !== undefined && { port }),
          ...(statusCode !== undefined && { statusCode }),
        },
      },
    };
  }
  if (type === "URLRewrite" && urlRewrite) {
    const { hostname, path } = urlRewrite;
    return { filter: { type, urlRewrite: { ...(hostname !== undefined && { hostname }), ...(path && { path: meshPath(path) }) } } };
  }
  if (type === "RequestMirror" && requestMirror) {
    const { target, unresolved } = backendTarget(requestMirror.backendRef, context);
    return unresolved ? { unresolved } : { filter: { type, requestMirror: { backendRef: target } } };
  }
  return "unsupported";
}

/** A redirect to another scheme goes to its port: https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter. */
const schemePorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Names of headers have no case, and a MeshHTTPRoute's are lower. A modifier that names none is none. */
function meshHeaderModifier({ set = [], add = [], remove = [] }: HeaderModifier): MeshHeaderModifier | undefined {
  const headers = (list: readonly Header[]) => list.map(({ name, value }) => ({ name: name.toLowerCase(), value }));
  if (set.length + add.length + remove.length === 0) return undefined;
  return {
    ...(set.length > 0 && { set: headers(set) }),
    ...(add.length > 0 && { add: headers(add) }),
    ...(remove.length > 0 && { remove: remove.map((name) => name.toLowerCase()) }),
  };
}

const meshPath = ({ type, replaceFullPath, replacePrefixMatch }: PathModifier) =>
  type === "ReplaceFullPath" ? { type, replaceFullPath: replaceFullPath ?? "" } : { type, replacePrefixMatch: replacePrefixMatch ?? "" };
