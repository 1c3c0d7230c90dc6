import { decodeJwt, decodeProtectedHeader } from "jose";

/** The key that signed a token, the token's own id, and the mesh it says it is for. Reads them, verifies nothing: for tokens that were verified before, and to say why one is not good. */
export function readTokenIds(token: string): { kid: string; jti: string; mesh: string } | undefined {
  try {
    const { kid = "" } = decodeProtectedHeader(token);
    const { jti = "", Mesh: mesh } = decodeJwt(token);
    return { kid, jti, mesh: typeof mesh === "string" ? mesh : "" };
  } catch {
    return undefined;
  }
}
