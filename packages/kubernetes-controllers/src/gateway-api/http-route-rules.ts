import { type BackendContext, backendTarget, type TargetRef, unresolvedBackend, type UnresolvedRef } from "./backend-target.ts";
import type { HttpRouteMatch, HttpRouteRule } from "./gateway-api-objects.ts";
import { type MeshFilter, meshFilter } from "./http-route-filters.ts";

/** A rule of a MeshHTTPRoute. */
export interface MeshRule {
  readonly matches: readonly object[];
  readonly default: { readonly filters?: readonly MeshFilter[]; readonly backendRefs?: readonly (TargetRef & { weight?: number })[] };
}

export interface ConvertedRules {
  readonly rules: readonly MeshRule[];
  /** The first reference that leads nowhere. */
  readonly unresolved?: UnresolvedRef | undefined;
  /** What the route asks for and Atoll has not. Nothing of such a route is carried out. */
  readonly unsupported?: string | undefined;
}

/** The rules of a MeshHTTPRoute that do what those of an HTTPRoute ask for. */
export function meshRules(rules: readonly HttpRouteRule[], context: BackendContext): ConvertedRules {
  const converted = rules.map((rule) => meshRule(rule, context));
  return {
    rules: converted.map(({ rule }) => rule),
    unresolved: converted.flatMap(({ unresolved }) => unresolved)[0],
    unsupported: converted.flatMap(({ unsupported }) => unsupported)[0],
  };
}

function meshRule({ matches = [], filters = [], backendRefs = [] }: HttpRouteRule, context: BackendContext) {
  const unresolved: UnresolvedRef[] = [];
  const unsupported: string[] = [];
  const meshFilters: MeshFilter[] = [];
  for (const filter of filters) {
    const converted = meshFilter(filter, context);
    if (converted === "unsupported") unsupported.push(`filters of type ${filter.type} are not supported`);
    else if (converted === "nothing") continue;
    else if ("unresolved" in converted) unresolved.push(converted.unresolved);
    else meshFilters.push(converted.filter);
  }
  const backends = backendRefs.map((ref) => {
    if (ref.filters?.length) unsupported.push("filters of a backend are not supported");
    const { target, unresolved: fault } = backendTarget(ref, context);
    if (fault) unresolved.push(fault);
    return { ...target, weight: ref.weight ?? 1 };
  });
  // Whom no backend is for gets 500 from a gateway: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule. A mesh goes on as without the rule.
  const isAnswered = backends.length > 0 || context.parent === "Service" || meshFilters.some(({ type }) => type === "RequestRedirect");
  const rule: MeshRule = {
    matches: (matches.length > 0 ? matches : [{}]).map(meshMatch),
    default: {
      ...(meshFilters.length > 0 && { filters: meshFilters }),
      ...(isAnswered ? backends.length > 0 && { backendRefs: backends } : { backendRefs: [unresolvedBackend] }),
    },
  };
  return { rule, unresolved, unsupported };
}

function meshMatch({ path = {}, headers = [], queryParams = [], method }: HttpRouteMatch): object {
  const { type = "PathPrefix", value = "/" } = path;
  // A prefix ends at a slash in any case, and a MeshHTTPRoute's is written without.
  const isTrimmed = type === "PathPrefix" && value.length > 1 && value.endsWith("/");
  return {
    path: { type, value: isTrimmed ? value.slice(0, -1) : value },
    ...(headers.length > 0 && {
      headers: headers.map((header) => ({ type: header.type ?? "Exact", name: header.name.toLowerCase(), value: header.value })),
    }),
    ...(queryParams.length > 0 && {
      queryParams: queryParams.map((param) => ({ type: param.type ?? "Exact", name: param.name, value: param.value })),
    }),
    ...(method !== undefined && { method }),
  };
}
