import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { TokenError } from "./token-error.ts";

const generate = promisify(generateKeyPair);

/** A new RSA key of 2048 bits, PEM `RSA PRIVATE KEY`. Made off the event loop. */
export async function createSigningKey(): Promise<string> {
  const { privateKey } = await generate("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" }) as string;
}

/**
 * Reads a private key as users store it: PEM (PKCS 1 or PKCS 8) or, from old installations, DER of PKCS 1.
 * Throws `TokenError` code "bad-key"; `source` names the key in its message.
 */
export function readSigningKey(bytes: Uint8Array, source = "signing key"): KeyObject {
  const buffer = Buffer.from(bytes);
  const isPem = buffer.includes("-----BEGIN ");
  try {
    const key = createPrivateKey(isPem ? buffer : { key: buffer, format: "der", type: "pkcs1" });
    if (key.asymmetricKeyType !== "rsa") throw new Error(`its type is ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw new TokenError("bad-key", `${source} is not an RSA private key in PEM or DER`, { cause: error });
  }
}

/** PEM `PUBLIC KEY` or `RSA PUBLIC KEY`. Throws `TokenError` code "bad-key". */
export function readVerificationKey(pem: string, source = "public key"): KeyObject {
  try {
    if (!/-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) throw new Error("no public key block");
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType !== "rsa") throw new Error(`its type is ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw new TokenError("bad-key", `${source} is not an RSA public key in PEM`, { cause: error });
  }
}

/** The PEM `PUBLIC KEY` of a private key, whichever form it is stored in. Throws as `readSigningKey`. */
export const publicKeyPem = (privateKey: Uint8Array | string, source?: string): string =>
  createPublicKey(readSigningKey(Buffer.from(privateKey), source)).export({ type: "spki", format: "pem" }) as string;
