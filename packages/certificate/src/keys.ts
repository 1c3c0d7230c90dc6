import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

export interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** For CAs. Runs on a thread of libuv's pool, tens of milliseconds for 2048 bits; the event loop goes on. */
export const generateRsaKey = (bits = 2048): Promise<KeyPair> => generate("rsa", { modulusLength: bits });

/**
 * For proxies: ECDSA P-256, made in a tenth of a millisecond where RSA takes forty. A thousand proxies that come back at once would
 * keep a core busy for most of a minute with RSA keys.
 */
export const generateEcKey = (): Promise<KeyPair> => generate("ec", { namedCurve: "P-256" });

/** PEM `RSA PRIVATE KEY`, or `PRIVATE KEY` for other types. */
export const privateKeyPem = (key: KeyObject): string =>
  key.export({ type: key.asymmetricKeyType === "rsa" ? "pkcs1" : "pkcs8", format: "pem" }) as string;
