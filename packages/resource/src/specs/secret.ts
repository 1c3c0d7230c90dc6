import { bytes, kept, string, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";

/** What a client writes and reads: base64. */
export const secretSpec = message({ data: kept(bytes) });
export type SecretSpec = Value<typeof secretSpec>;

/** What the log holds instead: AES-256-GCM, all byte fields base64. */
export interface SealedSecretSpec {
  sealed: { key: "global" | "zone"; keyId: string; iv: string; tag: string; ciphertext: string };
}

/** Internal kind: the public half of a signing key, so that zones verify tokens without the private one. */
export const tokenVerificationKeySpec = message({ kid: string, publicKeyPem: string });
export interface TokenVerificationKeySpec {
  kid: string;
  publicKeyPem: string;
}
