import { TokenError, verifyZoneToken, zoneTokenAllows } from "@atoll/token";
import type { VerifyOptions } from "@atoll/token";
import type { VerifyZone } from "./gatekeeper.ts";

/** Verifies cp-scoped zone tokens by the keys and revocations of the moment. */
export const zoneTokenVerifier =
  (options: () => VerifyOptions): VerifyZone =>
  async (token) => {
    try {
      const claims = await verifyZoneToken(token, options());
      const permission = zoneTokenAllows(claims, { zone: claims.zone, scope: "cp" });
      if (!permission.allowed) return { error: permission.reason };
      return { zone: claims.zone, expiresAtMs: claims.expiresAtS === undefined ? undefined : claims.expiresAtS * 1000 };
    } catch (error) {
      if (error instanceof TokenError) return { error: error.message };
      throw error;
    }
  };
