import type { StringMatcherSchema } from "@atoll/envoy-api/envoy/type/matcher/v3/string_pb.js";
import type { Init } from "./init.ts";

type StringMatcherInit = Init<typeof StringMatcherSchema>;

/** The first of exact, prefix and regex that is present; a regex (RE2) must match the whole value. */
export function stringMatcher(match: { exact?: string; prefix?: string; regex?: string }): StringMatcherInit | undefined {
  if (match.exact !== undefined) return { matchPattern: { case: "exact", value: match.exact } };
  if (match.prefix !== undefined) return { matchPattern: { case: "prefix", value: match.prefix } };
  if (match.regex !== undefined) return { matchPattern: { case: "safeRegex", value: { regex: match.regex } } };
  return undefined;
}
