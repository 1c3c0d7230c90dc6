import {
  dataplaneScope,
  dataplaneTokenAllows,
  readTokenIds,
  TokenError,
  verifyDataplaneToken,
  verifyZoneToken,
  zoneScope,
  zoneTokenAllows,
  type VerifyOptions,
} from "@atoll/token";
import type { Clock } from "./ports.ts";
import type { TokenVerifier } from "./proxy-authenticator.ts";

/** The token may be good, but not for this. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

/** Each mesh has keys of its own, so that another mesh's token fails by its signature, which says nothing to whoever has mixed them up. */
function ofAnotherMesh(error: unknown, token: string, mesh: string): unknown {
  if (!(error instanceof TokenError) || (error.code !== "bad-signature" && error.code !== "unknown-key")) return error;
  const said = readTokenIds(token)?.mesh ?? "";
  if (said === "" || said === mesh) return error;
  return new TokenError(error.code, `${error.message}; the token says it is for mesh "${said}", and the dataplane is in mesh "${mesh}"`);
}

/** Verifies with public keys and revocation lists of the folded configuration. */
export function createTokenVerifier(zone: string, keys: Pick<VerifyOptions, "keys" | "revocations">, clock: Clock): TokenVerifier {
  const options = (): VerifyOptions => ({ ...keys, nowMs: clock.now().getTime() });
  return {
    async dataplane(token, dataplane) {
      if (token === "") throw new TokenRefused("no token was sent");
      const claims = await verifyDataplaneToken(token, dataplane.mesh, options()).catch((error: unknown) => {
        throw ofAnotherMesh(error, token, dataplane.mesh);
      });
      const verdict = dataplaneTokenAllows(claims, dataplane as never);
      if (!verdict.allowed) throw new TokenRefused(verdict.reason);
    },
    async zoneProxy(token, scope) {
      if (token === "") throw new TokenRefused("no token was sent");
      const verdict = zoneTokenAllows(await verifyZoneToken(token, options()), { zone, scope });
      if (!verdict.allowed) throw new TokenRefused(verdict.reason);
    },
    isRevoked(token, { proxyType, mesh }) {
      const ids = readTokenIds(token);
      return ids !== undefined && keys.revocations.isRevoked(proxyType === "dataplane" ? dataplaneScope(mesh) : zoneScope, ids.jti);
    },
  };
}
