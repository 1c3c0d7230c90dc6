import type {
  GatewayRouteBackend,
  GatewayRouteFilter,
  GatewayRouteMatch,
  GatewayRouteRule,
  MeshGatewayRouteSpec,
} from "../specs/mesh-gateway-route.ts";
import {
  validateChangedHeader,
  validateHeaderName,
  validateHeaderText,
  validateHeaderValue,
  validateRegex,
  validateWeights,
} from "./envoy-values.ts";
import { tagsWithService, validateSelectors, validateSelectorTags } from "./tags.ts";
import { isWritten, validatePercentage, validatePort } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";
const hostHeaders = ["host", "Host", ":authority"];
const isHost = (name: string | undefined): boolean => name === ":authority" || name?.toLowerCase() === "host";

/** Paths in snake case, and those that skip a level, are what existing clients get to see. */
export function* validateMeshGatewayRoute(spec: MeshGatewayRouteSpec): Violations {
  yield* validateSelectors("selectors", spec.selectors, tagsWithService);
  if (!isWritten(spec.conf)) {
    yield violation("conf", empty);
    return;
  }
  const { http } = spec.conf;
  if (!http) return;
  for (const [index, hostname] of (http.hostnames ?? []).entries()) yield* validateHeaderText(at("conf.http.hostnames", index), hostname);
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
  yield* validateWeights(
    `${path}.backends`,
    backends.map(({ weight }) => weight),
  );
}

function* validateMatch(path: string, match: GatewayRouteMatch): Violations {
  if (!isWritten(match)) yield violation(path, empty);
  if (match.path) {
    const { match: type = "EXACT", value = "" } = match.path;
    if (type === "REGEX") {
      if (value === "") yield violation(`${path}.value`, empty);
      yield* validateRegex(`${path}.path.value`, value);
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
    yield* validateHeaderName(`${field}.name`, header.name);
    if (header.match === "REGEX") yield* validateRegex(`${field}.value`, header.value);
  }
  for (const [index, parameter] of (match.queryParameters ?? []).entries()) {
    const field = at(`${path}.query_parameters`, index);
    if (!parameter.name) yield violation(`${field}.name`, empty);
    if (!parameter.value) yield violation(`${field}.value`, empty);
    if (parameter.match === "REGEX") yield* validateRegex(`${field}.value`, parameter.value);
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
  if (filter.requestHeader) yield* validateChanges(`${path}.request_header`, filter.requestHeader, true);
  if (filter.responseHeader) yield* validateChanges(`${path}.response_header`, filter.responseHeader, false);
  if (filter.redirect) {
    const { port, statusCode = 0 } = filter.redirect;
    if (port !== undefined) yield* validatePort(`${path}.redirect.port`, port);
    yield* validateHeaderText(`${path}.redirect.hostname`, filter.redirect.hostname);
    if (filter.redirect.path) yield* validateRewrite(`${path}.redirect.path`, filter.redirect.path);
    if (statusCode < 300 || statusCode > 308) yield violation(`${path}.redirect.status_code`, "must be in the range [300, 308]");
  }
  if (filter.mirror) {
    yield* validatePercentage(`${path}.mirror.percentage`, filter.mirror.percentage, true);
    if (filter.mirror.backend === undefined) yield violation(`${path}.mirror.backend`, empty);
    else yield* validateBackend(`${path}.mirror.backend`, filter.mirror.backend);
  }
  if (filter.rewrite) yield* validateRewrite(`${path}.rewrite`, filter.rewrite);
  if (filter.rewrite?.replacePrefixMatch !== undefined && !rule.hasPrefix) {
    yield violation(`${path}.rewrite.replacePrefixMatch`, "cannot be used without a match on path prefix");
  }
}

function* validateRewrite(path: string, { replaceFull, replacePrefixMatch }: NonNullable<GatewayRouteFilter["rewrite"]>): Violations {
  yield* validateHeaderText(`${path}.replaceFull`, replaceFull);
  yield* validateHeaderText(`${path}.replacePrefixMatch`, replacePrefixMatch);
}

/** To set the host of a request is to rewrite it; otherwise host and pseudo-headers are not for routes. */
function* validateChanges(path: string, changes: NonNullable<GatewayRouteFilter["requestHeader"]>, isRequest: boolean): Violations {
  for (const operation of ["set", "add"] as const) {
    for (const [index, header] of (changes[operation] ?? []).entries()) {
      const field = at(`${path}.${operation}`, index);
      if (operation === "set" && isRequest && isHost(header.name)) yield* validateHeaderText(`${field}.value`, header.value);
      else {
        yield* validateChangedHeader(`${field}.name`, header.name);
        yield* validateHeaderValue(`${field}.value`, header.value);
      }
    }
  }
  for (const [index, name] of (changes.remove ?? []).entries()) yield* validateChangedHeader(at(`${path}.remove`, index), name);
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
