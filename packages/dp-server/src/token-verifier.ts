import { dataplaneTokenAllows, verifyDataplaneToken, verifyZoneToken, zoneTokenAllows, type VerifyOptions } from "@atoll/token";
import type { Clock } from "./ports.ts";
import type { TokenVerifier } from "./proxy-authenticator.ts";

/** The token may be good, but not for this. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

/** Verifies with public keys and revocation lists of the folded configuration. */
export function createTokenVerifier(zone: string, keys: Pick<VerifyOptions, "keys" | "revocations">, clock: Clock): TokenVerifier {
  const options = (): VerifyOptions => ({ ...keys, nowMs: clock.now().getTime() });
  return {
    async dataplane(token, dataplane) {
      if (token === "") throw new TokenRefused("no token was sent");
      const verdict = dataplaneTokenAllows(await verifyDataplaneToken(token, dataplane.mesh, options()), dataplane as never);
      if (!verdict.allowed) throw new TokenRefused(verdict.reason);
    },
    async zoneProxy(token, scope) {
      if (token === "") throw new TokenRefused("no token was sent");
      const verdict = zoneTokenAllows(await verifyZoneToken(token, options()), { zone, scope });
      if (!verdict.allowed) throw new TokenRefused(verdict.reason);
    },
  };
}
