import { parseGoDuration, type Violation } from "@atoll/resource";
import { ClaimsError, lowerCaseKeys, stringOf, stringsOf, tagsOf, type ClaimsByKind, type TokenKind } from "./claims.ts";
import { formatGoDuration } from "./go-duration.ts";

/** What `POST /tokens/<kind>` asks for. */
export interface TokenRequest<K extends TokenKind> {
  claims: ClaimsByKind[K];
  validForMs: number;
}

export type ParsedTokenRequest<K extends TokenKind> =
  | { ok: true; request: TokenRequest<K> }
  /** Not JSON, or a field of another type: answered with 400 and no body. */
  | { ok: false; malformed: true; reason: string }
  /** Answered with 400, title "Invalid request", detail "Resource is not valid". */
  | { ok: false; malformed: false; violations: Violation[] };

const tenYearsMs = 10 * 365 * 24 * 3_600_000;
const proxyTypes = ["", "dataplane", "ingress", "egress"];
const empty = (field: string): Violation => ({ field, reason: "cannot be empty" });

function validFor(text: string, whenEmptyMs: number | undefined): { durationMs: number; violations: Violation[] } {
  if (text === "")
    return whenEmptyMs === undefined ? { durationMs: 0, violations: [empty("validFor")] } : { durationMs: whenEmptyMs, violations: [] };
  const parsed = parseGoDuration(text);
  return "error" in parsed
    ? { durationMs: 0, violations: [{ field: "validFor", reason: `is invalid: ${parsed.error}` }] }
    : { durationMs: Number(parsed.nanoseconds) / 1e6, violations: [] };
}

type Parse<K extends TokenKind> = (json: Readonly<Record<string, unknown>>) => TokenRequest<K> & { violations: Violation[] };

const parsers: { [K in TokenKind]: Parse<K> } = {
  dataplane(json) {
    const claims = { name: stringOf(json, "name"), mesh: stringOf(json, "mesh"), tags: tagsOf(json, "tags"), type: stringOf(json, "type") };
    const life = validFor(stringOf(json, "validfor"), tenYearsMs);
    const violations = claims.mesh === "" ? [empty("mesh")] : [];
    violations.push(...life.violations);
    if (!proxyTypes.includes(claims.type)) violations.push({ field: "type", reason: `${claims.type} is not a valid proxy type` });
    return { claims, validForMs: life.durationMs, violations };
  },
  zone(json) {
    const claims = { zone: stringOf(json, "zone"), scope: stringsOf(json, "scope") };
    const life = validFor(stringOf(json, "validfor"), tenYearsMs);
    // A scope that is there and empty makes a token that is good for nothing, as it always did.
    const violations = json["scope"] === undefined || json["scope"] === null ? [empty("scope")] : [];
    return { claims, validForMs: life.durationMs, violations: [...violations, ...life.violations] };
  },
  user(json) {
    const claims = { name: stringOf(json, "name"), groups: stringsOf(json, "groups") };
    const life = validFor(stringOf(json, "validfor"), undefined);
    const violations = [...(claims.name === "" ? [empty("name")] : []), ...life.violations];
    // Also of a time that could not be read, as clients are used to.
    if (life.durationMs === 0 && stringOf(json, "validfor") !== "")
      violations.push({ field: "validFor", reason: "cannot be empty or nil" });
    return { claims, validForMs: life.durationMs, violations };
  },
};

/** Reads and checks the body of `POST /tokens/<kind>`; keys in any case, unknown ones ignored. All violations are reported. */
export function parseTokenRequest<K extends TokenKind>(kind: K, body: string): ParsedTokenRequest<K> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { ok: false, malformed: true, reason: "the body is not JSON" };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return { ok: false, malformed: true, reason: "the body must be an object" };
  try {
    const { violations, ...request } = parsers[kind](lowerCaseKeys(json));
    return violations.length === 0 ? { ok: true, request } : { ok: false, malformed: false, violations };
  } catch (error) {
    if (error instanceof ClaimsError) return { ok: false, malformed: true, reason: error.message };
    throw error;
  }
}

/** The body that `parseTokenRequest` reads as `request`. */
export const renderTokenRequest = <K extends TokenKind>({ claims, validForMs }: TokenRequest<K>): string =>
  JSON.stringify({ ...claims, validFor: formatGoDuration(validForMs) });
