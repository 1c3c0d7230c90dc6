import { createHash } from "node:crypto";
import { mergeConfs } from "./merge-confs.ts";

/** The configuration of a MeshHTTPRoute for a destination; rules of equal weight in the order in which they are tried. */
export interface HttpRouteConf {
  /** One name; absent where the route has none. Only on gateways. */
  hostnames?: string[];
  rules: HttpRouteRule[];
}

export interface HttpRouteRule {
  matches: readonly object[];
  default: { filters?: readonly object[]; backendRefs?: readonly object[] };
}

/** Field order of a match, of which the hash is made. */
const matchFields = ["path", "method", "queryParams", "headers"] as const;
const entryFields: Record<(typeof matchFields)[number], readonly string[]> = {
  path: ["value", "type"],
  method: [],
  queryParams: ["type", "name", "value"],
  headers: ["type", "name", "value"],
};

/**
 * Names a rule by all of its matches, in every control plane alike: base64 of the SHA-256 of the JSON that Kuma's `encoding/json` writes.
 */
export function routeHash(matches: readonly object[]): string {
  const ordered = matches.map((match) => pick(match, matchFields, (name, value) => inOrder(value, entryFields[name])));
  const text = JSON.stringify(ordered).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
  return createHash("sha256").update(text).digest("base64");
}

function pick<Name extends string>(from: object, names: readonly Name[], map: (name: Name, value: unknown) => unknown): object {
  const fields = from as Partial<Record<Name, unknown>>;
  return Object.fromEntries(names.flatMap((name) => (fields[name] === undefined ? [] : [[name, map(name, fields[name])]])));
}

function inOrder(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((one) => inOrder(one, names));
  return typeof value === "object" && value !== null ? pick(value, names, (_, field) => field) : value;
}

/**
 * Merges the configurations of several MeshHTTPRoutes, strongest last: each hostname by itself, rules with equal matches into one, and
 * the rules of the stronger before those of the weaker.
 */
export function mergeHttpRoutes(confs: readonly HttpRouteConf[]): HttpRouteConf[] {
  const byHostname = new Map<string, HttpRouteConf[]>();
  for (const conf of confs) {
    for (const hostname of conf.hostnames?.length ? conf.hostnames : [""]) {
      byHostname.set(hostname, [...(byHostname.get(hostname) ?? []), conf]);
    }
  }
  return [...byHostname].map(([hostname, some]) => ({
    ...(hostname ? { hostnames: [hostname] } : {}),
    // Within a route the first rule is the strongest, between routes the last.
    rules: mergeRules(some.flatMap(({ rules }) => rules.toReversed())).reverse(),
  }));
}

/** Rules with equal matches become one, at the place of the last. */
function mergeRules(rules: readonly HttpRouteRule[]): HttpRouteRule[] {
  const merged = new Map<string, HttpRouteRule>();
  for (const rule of rules) {
    const key = routeHash(rule.matches);
    const before = merged.get(key);
    merged.delete(key);
    merged.set(key, before ? { matches: rule.matches, default: mergeConfs([before.default, rule.default]) } : rule);
  }
  return [...merged.values()];
}
