import {
  type KeyScope,
  type TokenKind,
  dataplaneScope,
  firstKid,
  kidOfSigningKey,
  missingKeyText,
  parseTokenRequest,
  signingKeyType,
  zoneScope,
} from "@atoll/token";
import { defaultAccess, denied, mayAccess, requirePermission } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { type Answer, type Call, type Route, text } from "./call.ts";
import { ApiError, invalid } from "./problem.ts";

/** `POST /tokens/<kind>` (controlplane.md 2). Each kind checks in an order of its own, which clients see. */
export function tokenRoutes(context: ApiContext): Route[] {
  const kinds = (["dataplane", "zone", "user"] as const).filter(
    (kind) => kind !== "user" || context.options.settings.authentication !== "adminClientCerts",
  );
  return kinds.map((kind) => ({
    method: "POST",
    path: `/tokens/${kind}`,
    run: (call) => issue(kind, context, call),
  }));
}

const malformed: Answer = { status: 400, text: "", contentType: "text/plain" };

async function issue<K extends TokenKind>(kind: K, context: ApiContext, call: Call): Promise<Answer> {
  const { settings, issueToken } = context.options;
  const access = settings.access ?? defaultAccess;
  if (kind === "user" && !mayAccess(access.generateUserToken, call.user)) throw denied(call.user, "action not allowed");
  const parsed = parseTokenRequest(kind, new TextDecoder().decode(call.body));
  if (!parsed.ok && parsed.malformed) return malformed;
  if (kind === "zone") requirePermission(access.generateZoneToken, call.user, `generate zone token for zone '${requestedZone(call.body)}'`);
  if (!parsed.ok) throw invalid("Invalid request", parsed.violations);
  if (kind === "dataplane") requirePermission(access.generateDpToken, call.user, "generate dataplane token");

  if (!settings.issueTokens[kind]) {
    throw new ApiError({ status: 400, title: "Could not issue a token", detail: "issuing tokens using the control plane is disabled." });
  }
  if (kind === "user" && settings.mode === "zone") {
    throw new ApiError({ status: 400, title: "Could not issue a token", detail: "tokens of users are issued by global: ask there" });
  }
  requireSigningKey(kind, parsed.request.claims, context);
  const issued = await issueToken(kind, parsed.request, call.user.name);
  if ("problem" in issued) throw new ApiError(issued.problem);
  return text(issued.token);
}

/** The zone a request names even if the rest of it is not valid: access is refused first, and names it. */
function requestedZone(body: Uint8Array): string {
  const request = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
  return String(Object.entries(request).findLast(([key]) => key.toLowerCase() === "zone")?.[1] ?? "");
}

/** A scope without any key is known here; and zone tokens are issued by global alone. */
function requireSigningKey(kind: TokenKind, claims: object, { options }: ApiContext): void {
  const scope: KeyScope | undefined =
    kind === "dataplane" ? dataplaneScope((claims as { mesh: string }).mesh) : kind === "zone" ? zoneScope : undefined;
  if (scope === undefined) return;
  const visible = kind === "dataplane" || options.settings.mode === "global";
  const exists = options.config.list(signingKeyType(scope), scope.mesh).some(({ name }) => kidOfSigningKey(scope, name) !== undefined);
  if (visible && exists) return;
  throw new ApiError({ status: 404, title: "Signing Key not found", detail: missingKeyText(scope, firstKid) });
}
