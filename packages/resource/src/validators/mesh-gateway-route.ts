import type {
  GatewayRouteBackend,
  GatewayRouteFilter,
  GatewayRouteMatch,
  GatewayRouteRule,
  MeshGatewayRouteSpec,
} from "../specs/mesh-gateway-route.ts";
import { tagsWithService, validateSelectors, validateSelectorTags } from "./tags.ts";
import { isWritten, validatePercentage, validatePort } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";
const hostHeaders = ["host", "Host", ":authority"];

/** Paths in snake case, and those that skip a level, are what existing clients get to see. */
export function* validateMeshGatewayRoute(spec: MeshGatewayRouteSpec): Violations {
  yield* validateSelectors("selectors", spec.selectors, tagsWithService);
  if (!isWritten(spec.conf)) {
    yield violation("conf", empty);
    return;
  }
  const { http } = spec.conf;
  if (!http) return;
  const rules = http.rules ?? [];
  if (rules.length === 0) yield violation("conf.http.rules", empty);
  for (const [index, rule] of rules.entries()) yield* validateRule(at("conf.http.rules", index), rule);
}

function* validateRule(path: string, rule: GatewayRouteRule): Violations {
  const { matches = [], filters = [], backends = [] } = rule;
  if (matches.length === 0) {
    yield violation(`${path}.matches`, empty);
    return;
  }
  for (const [index, match] of matches.entries()) yield* validateMatch(at(`${path}.matches`, index), match);
  yield* validateFilters(`${path}.filters`, rule);
  const redirects = filters.some((filter) => filter.redirect);
  if (redirects && filters.length > 1) {
    yield violation(`${path}.filters`, "redirects cannot be used with other filters");
    return;
  }
  if (redirects && backends.length > 0) yield violation(`${path}.backends`, "must be empty when using redirect filters");
  if (!redirects && backends.length === 0) yield violation(`${path}.backends`, empty);
  for (const [index, backend] of backends.entries()) yield* validateBackend(at(`${path}.backends`, index), backend);
}

function* validateMatch(path: string, match: GatewayRouteMatch): Violations {
  if (!isWritten(match)) yield violation(path, empty);
  if (match.path) {
    const { match: type = "EXACT", value = "" } = match.path;
    if (type === "REGEX") {
      if (value === "") yield violation(`${path}.value`, empty);
    } else if (!value.startsWith("/")) {
      yield violation(`${path}.value`, "must be an absolute path");
    }
  }
  for (const [index, header] of (match.headers ?? []).entries()) {
    const field = at(`${path}.headers`, index);
    if (!header.name) yield violation(`${field}.name`, empty);
    const bare = header.match === "ABSENT" || header.match === "PRESENT";
    if (bare && header.value) yield violation(`${field}.value`, "cannot be set");
    if (!bare && !header.value) yield violation(`${field}.value`, empty);
  }
  for (const [index, parameter] of (match.queryParameters ?? []).entries()) {
    const field = at(`${path}.query_parameters`, index);
    if (!parameter.name) yield violation(`${field}.name`, empty);
    if (!parameter.value) yield violation(`${field}.value`, empty);
  }
}

const validateBackend = (path: string, backend: GatewayRouteBackend): Violations =>
  validateSelectorTags(path, backend.destination, tagsWithService);

function* validateFilters(path: string, rule: GatewayRouteRule): Violations {
  const backendHost = (rule.filters ?? []).some((filter) => filter.rewrite?.hostToBackendHostname);
  // Clients see the indexes that remain without these filters.
  const filters = (rule.filters ?? []).filter((filter) => !filter.rewrite?.hostToBackendHostname);
  const hasPrefix = (rule.matches ?? []).some((match) => match.path?.match === "PREFIX");
  for (const [index, filter] of filters.entries()) yield* validateFilter(at(path, index), filter, { backendHost, hasPrefix });
}

function* validateFilter(path: string, filter: GatewayRouteFilter, rule: { backendHost: boolean; hasPrefix: boolean }): Violations {
  if (filter.requestHeader) yield* validateRequestHeader(`${path}.request_header`, filter.requestHeader, rule.backendHost);
  if (filter.redirect) {
    const { port, statusCode = 0 } = filter.redirect;
    if (port !== undefined) yield* validatePort(`${path}.redirect.port`, port);
    if (statusCode < 300 || statusCode > 308) yield violation(`${path}.redirect.status_code`, "must be in the range [300, 308]");
  }
  if (filter.mirror) {
    yield* validatePercentage(`${path}.mirror.percentage`, filter.mirror.percentage, true);
    if (filter.mirror.backend === undefined) yield violation(`${path}.mirror.backend`, empty);
    else yield* validateBackend(`${path}.mirror.backend`, filter.mirror.backend);
  }
  if (filter.rewrite?.replacePrefixMatch !== undefined && !rule.hasPrefix) {
    yield violation(`${path}.rewrite.replacePrefixMatch`, "cannot be used without a match on path prefix");
  }
}

function* validateRequestHeader(path: string, changes: NonNullable<GatewayRouteFilter["requestHeader"]>, backendHost: boolean): Violations {
  if (!isWritten(changes)) yield violation(path, empty);
  for (const operation of ["set", "add"] as const) {
    for (const [index, header] of (changes[operation] ?? []).entries()) {
      const field = at(`${path}.${operation}`, index);
      if (backendHost && hostHeaders.includes(header.name)) {
        yield violation(field, `cannot modify '${header.name}' header, when route has set 'rewrite.host_to_backend_hostname' option`);
      }
      if (!header.name) yield violation(`${field}.name`, empty);
      if (!header.value) yield violation(`${field}.value`, empty);
    }
  }
  for (const [index, name] of (changes.remove ?? []).entries()) {
    if (name === "") yield violation(at(`${path}.remove`, index), empty);
  }
}
