/** Who a token speaks for. `dataplane` keys belong to a mesh; `zone` and `user` keys are global. */
export type TokenKind = "dataplane" | "zone" | "user";

export interface DataplaneClaims {
  /** "" = any dataplane of the mesh. */
  name: string;
  mesh: string;
  /** Each tag named here must be on the dataplane with listed values only. */
  tags: Record<string, string[]>;
  /** "" | "dataplane" | "ingress" | "egress"; recorded, not checked. */
  type: string;
}

/** `cp` is Atoll's own: it lets a zone's services register their zone. */
export type ZoneScope = "ingress" | "egress" | "cp";

export interface ZoneClaims {
  /** "" = any zone. */
  zone: string;
  scope: string[];
}

export interface UserClaims {
  name: string;
  groups: string[];
}

export interface ClaimsByKind {
  dataplane: DataplaneClaims;
  zone: ZoneClaims;
  user: UserClaims;
}

/** Claims every token has; times in whole seconds since the epoch. */
export interface RegisteredClaims {
  jti: string;
  issuedAtS?: number;
  notBeforeS?: number;
  expiresAtS?: number;
}

/** Tag values are a set: sorted and without repeats, as peers print them. */
const sortedTags = (tags: Record<string, readonly string[]>): Record<string, string[]> =>
  Object.fromEntries(
    Object.keys(tags)
      .toSorted()
      .map((key) => [key, [...new Set(tags[key])].toSorted()]),
  );

/** The claims as peers write them: capitalised keys, absent groups as null. */
export const claimsToWire: { [K in TokenKind]: (claims: ClaimsByKind[K]) => Record<string, unknown> } = {
  dataplane: ({ name, mesh, tags, type }) => ({ Name: name, Mesh: mesh, Tags: sortedTags(tags), Type: type }),
  zone: ({ zone, scope }) => ({ Zone: zone, Scope: scope }),
  user: ({ name, groups }) => ({ Name: name, Groups: groups.length === 0 ? null : groups }),
};

export class ClaimsError extends Error {
  override readonly name = "ClaimsError";
}

type Json = Readonly<Record<string, unknown>>;

/** Go decodes keys without regard to case; of several spellings the last one stands. */
export const lowerCaseKeys = (value: object): Json =>
  Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toLowerCase(), item]));

export function stringOf(json: Json, key: string): string {
  const value = json[key] ?? "";
  if (typeof value !== "string") throw new ClaimsError(`${key}: must be a string`);
  return value;
}

export function stringsOf(json: Json, key: string): string[] {
  const value = json[key] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) throw new ClaimsError(`${key}: must be a list of strings`);
  return value as string[];
}

export function tagsOf(json: Json, key: string): Record<string, string[]> {
  const value = json[key] ?? {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ClaimsError(`${key}: must map tags to lists of values`);
  const tags = value as Json;
  return Object.fromEntries(Object.keys(tags).map((tag) => [tag, stringsOf(tags, tag)]));
}

function numericDate(json: Json, key: string): number | undefined {
  const value = json[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) throw new ClaimsError(`${key}: must be a number of seconds`);
  return value;
}

const fromWire: { [K in TokenKind]: (json: Json) => ClaimsByKind[K] } = {
  dataplane: (json) => ({
    name: stringOf(json, "name"),
    mesh: stringOf(json, "mesh"),
    tags: tagsOf(json, "tags"),
    type: stringOf(json, "type"),
  }),
  zone: (json) => ({ zone: stringOf(json, "zone"), scope: stringsOf(json, "scope") }),
  user: (json) => ({ name: stringOf(json, "name"), groups: stringsOf(json, "groups") }),
};

/** Reads a token's payload; keys in any case. Throws `ClaimsError` naming the claim that is malformed. */
export function claimsFromWire<K extends TokenKind>(kind: K, payload: unknown): ClaimsByKind[K] & RegisteredClaims {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) throw new ClaimsError("the payload must be an object");
  const json = lowerCaseKeys(payload);
  return {
    ...fromWire[kind](json),
    jti: stringOf(json, "jti"),
    issuedAtS: numericDate(json, "iat"),
    notBeforeS: numericDate(json, "nbf"),
    expiresAtS: numericDate(json, "exp"),
  };
}
