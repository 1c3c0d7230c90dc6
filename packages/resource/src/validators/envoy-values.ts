import { envoyFormatFault } from "../envoy-format.ts";
import { changedHeaderFault, headerNameFault, headerTextFault, regexFault } from "../envoy-values.ts";
import { violation, type Violations } from "./violation.ts";

// What every Envoy refuses, and with it everything that stands beside it. What is absent or empty is for others to judge.

function* validate(path: string, value: string | undefined, fault: (value: string) => string | undefined): Violations {
  const reason = value ? fault(value) : undefined;
  if (reason !== undefined) yield violation(path, reason);
}

/** An expression in RE2's syntax. */
export const validateRegex = (path: string, regex: string | undefined): Violations => validate(path, regex, regexFault);

/** The name of a header that is looked for. */
export const validateHeaderName = (path: string, name: string | undefined): Violations => validate(path, name, headerNameFault);

/** The name of a header that is set, added or removed. */
export const validateChangedHeader = (path: string, name: string | undefined): Violations => validate(path, name, changedHeaderFault);

/** A path or host that is sent on, or stands in a redirect. */
export const validateHeaderText = (path: string, text: string | undefined): Violations => validate(path, text, headerTextFault);

/** The value of a header that is set or added, in which Envoy replaces its command operators. */
export const validateHeaderValue = (path: string, value: string | undefined): Violations =>
  validate(path, value, (text) => headerTextFault(text) ?? envoyFormatFault(text));

const most = 4_294_967_295;

/** The weights of a route: Envoy adds them up in 32 bits. */
export function* validateWeights(path: string, weights: readonly (number | undefined)[]): Violations {
  const sum = weights.reduce<number>((total, weight) => total + (weight ?? 0), 0);
  if (sum > most) yield violation(path, `the sum of all weights must be at most ${most}`);
}
