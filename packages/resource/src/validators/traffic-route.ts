import type { TagMap } from "../specs/common.ts";
import type {
  StringMatcher,
  TrafficRouteHttp,
  TrafficRouteLoadBalancer,
  TrafficRouteSpec,
  TrafficRouteSplit,
} from "../specs/traffic-route.ts";
import {
  validateChangedHeader,
  validateHeaderName as validateMatchedHeader,
  validateHeaderText,
  validateHeaderValue,
  validateRegex,
  validateWeights,
} from "./envoy-values.ts";
import { tagsWithService, validateConnection, validateSelectorTags } from "./tags.ts";
import { isWritten } from "./values.ts";
import { at, keyed, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";
/** Envoy's limits of a ring, and its least size where none is said. */
const largestRing = 8_388_608;
const defaultRing = 1_024;
const hashFunctions = ["XX_HASH", "MURMUR_HASH_2"];

export function* validateTrafficRoute(spec: TrafficRouteSpec): Violations {
  yield* validateConnection(spec);
  const { conf } = spec;
  if (conf === undefined) {
    yield violation("conf", empty);
    return;
  }
  yield* validateTarget("conf", conf);
  for (const [index, http] of (conf.http ?? []).entries()) yield* validateHttp(at("conf.http", index), http);
  if (conf.loadBalancer) yield* validateLoadBalancer("conf.loadBalancer", conf.loadBalancer);
}

/** Where requests go: one destination, or several with weights. */
function* validateTarget(path: string, target: { split?: TrafficRouteSplit[]; destination?: TagMap }): Violations {
  const { split = [], destination } = target;
  if (split.length === 0 && !isWritten(destination)) yield violation(path, 'requires either "destination" or "split"');
  if (split.length > 0 && isWritten(destination)) {
    yield violation(path, '"split" cannot be defined at the same time as "destination"');
  }
  for (const [index, part] of split.entries()) {
    const field = at(`${path}.split`, index);
    if (part.weight === undefined) yield violation(`${field}.weight`, "needs to be defined");
    yield* validateSelectorTags(`${field}.destination`, part.destination, tagsWithService);
  }
  if (split.length > 0 && split.every((part) => !part.weight)) {
    yield violation(`${path}.split`, "there must be at least one split entry with weight above 0");
  }
  yield* validateWeights(
    `${path}.split`,
    split.map(({ weight }) => weight),
  );
  if (isWritten(destination)) yield* validateSelectorTags(`${path}.destination`, destination, tagsWithService);
}

function* validateLoadBalancer(path: string, balancer: TrafficRouteLoadBalancer): Violations {
  if (balancer.leastRequest?.choiceCount === 1) {
    yield violation(`${path}.leastRequest.choiceCount`, "value must be greater than or equal to 2");
  }
  if (balancer.ringHash && !hashFunctions.includes(balancer.ringHash.hashFunction)) {
    yield violation(`${path}.ringHash.hashFunction`, "must have a valid hash function");
  }
  const { minRingSize, maxRingSize } = balancer.ringHash ?? {};
  for (const [name, size] of Object.entries({ minRingSize, maxRingSize }))
    if (Number(size ?? 0) > largestRing) yield violation(`${path}.ringHash.${name}`, `must be at most ${largestRing}`);
  if (maxRingSize && Number(minRingSize ?? defaultRing) > Number(maxRingSize))
    yield violation(`${path}.ringHash.maxRingSize`, `must be at least minRingSize, which is ${minRingSize ?? defaultRing}`);
}

function* validateHttp(path: string, http: TrafficRouteHttp): Violations {
  const { match, modify } = http;
  if (!isWritten(match)) {
    yield violation(`${path}.match`, 'must be present and contain at least one of the elements: "method", "path" or "headers"');
  }
  if (match?.method) yield* validateMatcher(`${path}.match.method`, match.method);
  if (match?.path) yield* validateMatcher(`${path}.match.path`, match.path);
  for (const [name, matcher] of Object.entries(match?.headers ?? {})) {
    if (name === "") yield violation(keyed(`${path}.match.headers`, name), empty);
    yield* validateMatchedHeader(keyed(`${path}.match.headers`, name), name);
    yield* validateMatcher(keyed(`${path}.match.headers`, name), matcher);
  }
  if (modify) yield* validateModify(`${path}.modify`, modify, !!match?.path?.prefix);
  yield* validateTarget(path, http);
}

function* validateMatcher(path: string, matcher: StringMatcher): Violations {
  const [kind, value] = Object.entries(matcher)[0] ?? [];
  if (kind === undefined) yield violation(path, 'cannot be empty. Available options: "exact", "split" or "regex"');
  else if (value === "" && kind !== "exact") yield violation(`${path}.${kind}`, empty);
  else if (kind === "regex") yield* validateRegex(`${path}.regex`, value);
}

function* validateModify(path: string, modify: NonNullable<TrafficRouteHttp["modify"]>, hasPrefix: boolean): Violations {
  if (modify.path) {
    const field = `${path}.path`;
    if (!isWritten(modify.path)) yield violation(field, 'either "rewritePrefix" or "regex" has to be set');
    if (modify.path.rewritePrefix !== undefined) {
      if (modify.path.rewritePrefix === "") yield violation(`${field}.rewritePrefix`, empty);
      else yield* validateHeaderText(`${field}.rewritePrefix`, modify.path.rewritePrefix);
      if (modify.path.rewritePrefix !== "" && !hasPrefix)
        yield violation(`${field}.rewritePrefix`, "can only be set when .http.match.path.prefix is not empty");
    }
    if (modify.path.regex) yield* validateRegexReplace(`${field}.regex`, modify.path.regex);
  }
  if (modify.host) {
    const field = `${path}.host`;
    if (!isWritten(modify.host)) yield violation(field, 'either "value" or "fromPath" has to be set');
    if (modify.host.value === "") yield violation(`${field}.value`, empty);
    yield* validateHeaderText(`${field}.value`, modify.host.value);
    if (modify.host.fromPath) yield* validateRegexReplace(`${field}.fromPath`, modify.host.fromPath);
  }
  for (const name of ["requestHeaders", "responseHeaders"] as const) {
    for (const operation of ["add", "remove"] as const) {
      const changes: { name: string; value?: string }[] = modify[name]?.[operation] ?? [];
      for (const [index, change] of changes.entries()) {
        const field = at(`${path}.${name}.${operation}`, index);
        yield* validateHeaderName(`${field}.name`, change.name);
        if (operation === "add" && !change.value) yield violation(`${field}.value`, empty);
        yield* validateHeaderValue(`${field}.value`, change.value);
      }
    }
  }
}

function* validateRegexReplace(path: string, replace: { pattern?: string; substitution?: string }): Violations {
  if (!replace.pattern) yield violation(`${path}.pattern`, empty);
  if (!replace.substitution) yield violation(`${path}.substitution`, empty);
  yield* validateRegex(`${path}.pattern`, replace.pattern);
  yield* validateHeaderText(`${path}.substitution`, replace.substitution);
}

function* validateHeaderName(path: string, name: string = ""): Violations {
  if (name === "") yield violation(path, empty);
  else yield* validateChangedHeader(path, name);
}
