import { isIP } from "node:net";
import type { MeshHttpRouteSpec } from "../../specs/mesh-policies.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateBackendRefs } from "./backend-refs.ts";
import { validateTargetRef } from "./target-ref.ts";

type Rule = NonNullable<MeshHttpRouteSpec["to"]>[number]["rules"][number];
type Match = Rule["matches"][number];
type Filter = NonNullable<Rule["default"]["filters"]>[number];
type Modifier = NonNullable<Filter["requestHeaderModifier"]>;

const tops = ["Mesh", "MeshGateway", "MeshSubset", "MeshService", "MeshServiceSubset", "Dataplane"] as const;
const services = ["MeshService", "MeshExternalService", "MeshMultiZoneService"] as const;
const onlyPrefixes = "can only appear if all matches match a path prefix";
/** The name of a backend that is not there, which Kuma writes itself. */
const unresolved = "kuma.io/unresolved-backend";

export function* validateMeshHttpRoute({ targetRef, to = [] }: MeshHttpRouteSpec, role?: string): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true });
  const isGateway = targetRef?.kind === "MeshGateway";
  for (const [index, item] of to.entries()) {
    const path = at("spec.to", index);
    yield* validateTargetRef(`${path}.targetRef`, item.targetRef, { kinds: isGateway ? ["Mesh"] : services });
    for (const [place, rule] of item.rules.entries()) yield* validateRule(at(`${path}.rules`, place), rule, isGateway);
    if (!isGateway && (item.hostnames ?? []).length > 0) yield violation(`${path}.hostnames`, "must not be defined");
  }
}

function* validateRule(path: string, { matches, default: conf }: Rule, isGateway: boolean): Violations {
  for (const [index, match] of matches.entries()) yield* validateMatch(at(`${path}.matches`, index), match);
  const { filters = [], backendRefs = [] } = conf;
  for (const [index, filter] of filters.entries()) yield* validateFilter(at(`${path}.default.filters`, index), filter, matches, isGateway);
  const refs = `${path}.default.backendRefs`;
  if (backendRefs.length === 0 && isGateway && !filters.some(({ type }) => type === "RequestRedirect"))
    yield violation(refs, "must not be empty");
  yield* validateBackendRefs(refs, backendRefs, [unresolved]);
}

function* validateMatch(path: string, { path: match, queryParams = [], headers = [] }: Match): Violations {
  const isPrefix = match?.type === "PathPrefix" && match.value !== "/";
  if (isPrefix && match.value.endsWith("/"))
    yield violation(
      `${path}.path.value`,
      "does not need a trailing slash because only a `/`-separated prefix or an entire path is matched",
    );
  if ((isPrefix || match?.type === "Exact") && !match.value.startsWith("/"))
    yield violation(`${path}.path.value`, "must be an absolute path");
  const seen = new Set<string>();
  for (const [index, { name }] of queryParams.entries()) {
    if (seen.has(name)) yield violation(`${at(`${path}.queryParams`, index)}.name`, `multiple entries for name ${name}`);
    seen.add(name);
  }
  for (const [index, { type, value }] of headers.entries())
    if ((type === "Present" || type === "Absent") && value) yield violation(`${at(`${path}.headers`, index)}.value`, "must not be defined");
}

function* validateFilter(path: string, filter: Filter, matches: readonly Match[], isGateway: boolean): Violations {
  const otherPaths = matches.some((match) => match.path?.type !== "PathPrefix");
  const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror } = filter;
  const missing = (name: string) => violation(`${path}.${name}`, "must be defined");
  switch (filter.type) {
    case "RequestHeaderModifier":
      if (requestHeaderModifier === undefined) yield missing("requestHeaderModifier");
      else yield* validateModifier(`${path}.requestHeaderModifier`, requestHeaderModifier);
      return;
    case "ResponseHeaderModifier":
      if (responseHeaderModifier === undefined) yield missing("responseHeaderModifier");
      else yield* validateModifier(`${path}.responseHeaderModifier`, responseHeaderModifier);
      return;
    case "RequestRedirect":
      if (requestRedirect === undefined) return yield missing("requestRedirect");
      if (requestRedirect.path?.replacePrefixMatch !== undefined && otherPaths)
        yield violation(`${path}.requestRedirect.path.replacePrefixMatch`, onlyPrefixes);
      yield* validateHostname(`${path}.requestRedirect.hostname`, requestRedirect.hostname);
      return;
    case "URLRewrite":
      if (urlRewrite === undefined) return yield missing("urlRewrite");
      if (urlRewrite.path?.replacePrefixMatch !== undefined && otherPaths)
        yield violation(`${path}.urlRewrite.path.replacePrefixMatch`, onlyPrefixes);
      yield* validateHostname(`${path}.urlRewrite.hostname`, urlRewrite.hostname);
      if (urlRewrite.hostToBackendHostname !== true) return;
      if (!isGateway) yield violation(`${path}.urlRewrite.hostToBackendHostname`, "can only be set with MeshGateway");
      if (urlRewrite.hostname !== undefined)
        yield violation(`${path}.urlRewrite.hostToBackendHostname`, "cannot be set together with hostname");
      return;
    case "RequestMirror":
      if (requestMirror === undefined) return yield missing("requestMirror");
      yield* validateTargetRef(`${path}.requestMirror.backendRef`, requestMirror.backendRef, {
        kinds: ["MeshService", "MeshServiceSubset"],
      });
  }
}

function* validateModifier(path: string, { set, add, remove }: Modifier): Violations {
  if (set === undefined && add === undefined && remove === undefined)
    return yield violation(path, "must have at least one defined: set, add, remove");
  const seen = new Set<string>();
  const lists = { set: set?.map(({ name }) => name), add: add?.map(({ name }) => name), remove };
  for (const [list, names] of Object.entries(lists)) {
    for (const [index, name] of (names ?? []).entries()) {
      if (seen.has(name)) yield violation(`${at(`${path}.${list}`, index)}.name`, "duplicate header name");
      seen.add(name);
    }
  }
}

/** The shape of host names has been checked; that of an address is one, too. */
function* validateHostname(path: string, hostname: string | undefined): Violations {
  if (hostname !== undefined && isIP(hostname) !== 0) yield violation(path, "cannot be an IP address");
}
