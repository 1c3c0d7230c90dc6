import type { Change } from "@atoll/replica";
import { type ResourceKey } from "@atoll/resource";
import {
  type IssuedToken,
  type KeyScope,
  type TokenKind,
  parseRevocations,
  revocationsName,
  scopeOfIssued,
  signingKeyType,
} from "@atoll/token";
import { requireAdmin } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { readWait } from "./applied-revisions.ts";
import { type Answer, type Call, type Route, json } from "./call.ts";
import { readDryRun } from "./change-routes.ts";
import type { Proposal } from "./config-writer.ts";
import { parseJson } from "./json-text.ts";
import { pageOf, readPage } from "./pagination.ts";
import { ApiError, badRequest } from "./problem.ts";
import { afterWrite } from "./written-answer.ts";

type TokenState = "valid" | "expired" | "revoked";

/** Absent: any. */
interface Selection {
  ids?: readonly string[];
  kind?: TokenKind;
  mesh?: string;
  subject?: string;
  /** RFC 3339: tokens issued before it. */
  issuedBefore?: string;
}

/** Atoll's own, for admins: what tokens were issued here, and an end to some of them. Tokens themselves are nowhere. */
export function tokenLedgerRoutes(context: ApiContext): Route[] {
  return [
    { method: "GET", path: "/tokens", run: (call) => listTokens(context, call) },
    { method: "POST", path: "/tokens/revoke", run: (call) => revoke(context, call) },
  ];
}

const kinds = ["dataplane", "zone", "user"] as const;
const states = ["valid", "expired", "revoked"] as const;

async function listTokens(context: ApiContext, call: Call): Promise<Answer> {
  requireAdmin(call.user, "the ledger of tokens");
  const page = readPage(call.query);
  const selection = {
    ...oneOf("kind", call.query.get("kind"), kinds),
    ...given("mesh", call.query.get("mesh")),
    ...given("subject", call.query.get("subject")),
  };
  const { state } = oneOf("state", call.query.get("state"), states);
  const stateOf = tokenStates(context);
  const items = (await issuedTokens(context))
    .filter((token) => isSelected(token, selection))
    .map((token) => ({ ...token, state: stateOf(token) }))
    .filter((token) => state === undefined || token.state === state);
  return json(pageOf(call, page, items, (item) => item));
}

/** Newest first. */
async function issuedTokens({ options }: ApiContext): Promise<IssuedToken[]> {
  if (options.issuedTokens === undefined)
    throw new ApiError({ status: 503, title: "Service unavailable", detail: "no ledger is kept here" });
  return (await options.issuedTokens()).toSorted((a, b) => (a.issuedAt < b.issuedAt ? 1 : a.issuedAt > b.issuedAt ? -1 : 0));
}

/** Where revocations of a scope are written; those of a mesh may stand in a GlobalSecret as well. */
const listKey = (scope: KeyScope): ResourceKey => ({ type: signingKeyType(scope), mesh: scope.mesh, name: revocationsName(scope) });

function revokedOf({ options }: ApiContext, scope: KeyScope): { text: string; ids: ReadonlySet<string> }[] {
  const keys = [listKey(scope), ...(scope.kind === "dataplane" ? [{ type: "GlobalSecret", mesh: "", name: revocationsName(scope) }] : [])];
  return keys.map(({ type, mesh, name }) => {
    const list = options.config.get(type, mesh, name);
    const text = list === undefined ? "" : Buffer.from(options.reveal(list) ?? "", "base64").toString("utf8");
    return { text, ids: parseRevocations(text) };
  });
}

function tokenStates(context: ApiContext): (token: IssuedToken) => TokenState {
  const lists = new Map<string, { ids: ReadonlySet<string> }[]>();
  const nowMs = context.options.now();
  return (token) => {
    const scope = scopeOfIssued(token);
    const key = `${scope.kind} ${scope.mesh}`;
    let of = lists.get(key);
    if (of === undefined) lists.set(key, (of = revokedOf(context, scope)));
    if (of.some(({ ids }) => ids.has(token.jti))) return "revoked";
    return Date.parse(token.expiresAt) <= nowMs ? "expired" : "valid";
  };
}

const isSelected = (token: IssuedToken, { ids, kind, mesh, subject, issuedBefore }: Selection): boolean =>
  (ids === undefined || ids.includes(token.jti)) &&
  (kind === undefined || token.kind === kind) &&
  (mesh === undefined || token.mesh === mesh) &&
  (subject === undefined || token.subject === subject) &&
  (issuedBefore === undefined || Date.parse(token.issuedAt) < Date.parse(issuedBefore));

/**
 * `POST /tokens/revoke`: the valid ones of a selection, as one revision. Zones end the streams of a revoked token when they have that
 * revision. An id that the ledger does not know has to say its kind (and mesh), as its token was made elsewhere.
 */
async function revoke(context: ApiContext, call: Call): Promise<Answer> {
  requireAdmin(call.user, "the ledger of tokens");
  const waitMs = readWait(call);
  const { selection, reason } = readSelection(call);
  const ledger = await issuedTokens(context);
  const stateOf = tokenStates(context);
  const selected = [...ledger.filter((token) => isSelected(token, selection)), ...unknownTokens(selection, ledger)];
  const tokens = selected.filter((token) => stateOf(token) === "valid" && isOfPresentMesh(context, token));
  const decide = (): Proposal<void> => ({ changes: changesFor(context, tokens), result: undefined });
  const revoked = tokens.map(({ jti, kind, mesh, subject }) => ({ jti, kind, ...(mesh !== undefined && { mesh }), subject }));
  const { config } = context.options;
  if (readDryRun(call) || tokens.length === 0)
    return json({ revision: config.revision, ...(readDryRun(call) && { dryRun: true }), revoked });
  const written = await context.writer.write(decide, {
    keys: [],
    author: call.user.name,
    reason: reason ?? `revoke ${tokens.length} tokens`,
  });
  const { headers, warnings } = await afterWrite(context, waitMs, written);
  return json({ revision: written.revision, revoked, ...(warnings.length > 0 && { warnings }) }, 200, headers);
}

/** Tokens of a mesh that is gone are good for nothing. */
const isOfPresentMesh = ({ options }: ApiContext, { mesh }: IssuedToken): boolean =>
  mesh === undefined || options.config.get("Mesh", "", mesh) !== undefined;

function unknownTokens({ ids = [], kind, mesh }: Selection, ledger: readonly IssuedToken[]): IssuedToken[] {
  const known = new Set(ledger.map(({ jti }) => jti));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length === 0) return [];
  if (kind === undefined || (kind === "dataplane" && mesh === undefined)) {
    throw badRequest(
      `invalid revocation: ${unknown.join(", ")}: not issued here, so that kind (and of a dataplane token mesh) has to be said`,
    );
  }
  const never = { kid: "", author: "", subject: "", issuedAt: new Date(0).toISOString(), expiresAt: "9999-12-31T23:59:59Z" };
  return unknown.map((jti) => ({ jti, kind, ...(mesh !== undefined && { mesh }), ...never }));
}

function changesFor(context: ApiContext, tokens: readonly IssuedToken[]): Change[] {
  const scopes = new Map<string, { scope: KeyScope; ids: string[] }>();
  for (const token of tokens) {
    const scope = scopeOfIssued(token);
    const key = `${scope.kind} ${scope.mesh}`;
    const of = scopes.get(key) ?? { scope, ids: [] };
    of.ids.push(token.jti);
    scopes.set(key, of);
  }
  return [...scopes.values()].map(({ scope, ids }): Change => {
    const key = listKey(scope);
    const before = revokedOf(context, scope)[0]!;
    const data = Buffer.from([...new Set([...before.ids, ...ids])].join(",")).toString("base64");
    const labels = context.options.config.get(key.type, key.mesh, key.name)?.labels;
    return { op: "put", resource: context.options.seal({ ...key, ...(labels !== undefined && { labels }), spec: { data } }) };
  });
}

function readSelection(call: Call): { selection: Selection; reason?: string } {
  const parsed = parseJson(call.body);
  const body = "value" in parsed ? parsed.value : undefined;
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw badRequest("invalid revocation: must be an object");
  const { ids, kind, mesh, subject, issuedBefore, reason, ...others } = body as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw badRequest(`invalid revocation: ${unknown}: there is no such field`);
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string" && /^[^,\s]+$/.test(id)))) {
    throw badRequest("invalid revocation: ids: must be a list of token ids");
  }
  for (const [name, value] of Object.entries({ kind, mesh, subject, issuedBefore, reason })) {
    if (value !== undefined && typeof value !== "string") throw badRequest(`invalid revocation: ${name}: must be a text`);
  }
  if (issuedBefore !== undefined && Number.isNaN(Date.parse(issuedBefore as string))) {
    throw badRequest("invalid revocation: issuedBefore: must be an RFC 3339 time");
  }
  const selection = {
    ...(ids !== undefined && { ids: ids as string[] }),
    ...oneOf("kind", kind as string | undefined, kinds),
    ...given("mesh", mesh as string | undefined),
    ...given("subject", subject as string | undefined),
    ...given("issuedBefore", issuedBefore as string | undefined),
  };
  if (Object.keys(selection).length === 0)
    throw badRequest("invalid revocation: it selects every token: say ids, kind, mesh, subject or issuedBefore");
  return { selection, ...(reason !== undefined && { reason: reason as string }) };
}

const given = <Name extends string>(name: Name, value: string | null | undefined): { [N in Name]?: string } =>
  (value === null || value === undefined || value === "" ? {} : { [name]: value }) as { [N in Name]?: string };

function oneOf<Name extends string, Value extends string>(
  name: Name,
  value: string | null | undefined,
  values: readonly Value[],
): { [N in Name]?: Value } {
  if (value === null || value === undefined || value === "") return {};
  if (!(values as readonly string[]).includes(value)) throw badRequest(`${name}: must be ${values.join(" or ")}`);
  return { [name]: value } as { [N in Name]?: Value };
}
