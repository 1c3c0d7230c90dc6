import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { SecretError } from "./secret-error.ts";

const keyBytes = 32;
const ivBytes = 12;

/** AES-256-GCM output, each part in base64, with the id of the key that made it. */
export interface SealedBytes {
  keyId: string;
  iv: string;
  tag: string;
  ciphertext: string;
}

const derive = (material: Uint8Array, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync("sha256", material, new Uint8Array(0), `atoll/${purpose}`, length));

/**
 * A key that seals bytes. The IV is an HMAC of the context and the plaintext, so sealing the same bytes in the same context twice
 * gives the same record: a repeated write of an equal secret is no change.
 *
 * Rotation: the text form may hold several keys, one a line. The first seals; all of them open.
 */
export class SealingKey {
  /** Names the key in records without revealing it. */
  readonly id: string;
  readonly older: readonly SealingKey[];
  readonly #material: Buffer;
  readonly #cipherKey: Buffer;
  readonly #ivKey: Buffer;

  constructor(material: Uint8Array, older: readonly SealingKey[] = []) {
    if (material.length !== keyBytes)
      throw new SecretError("bad-key", `a sealing key has ${keyBytes} bytes, this one has ${material.length}`);
    this.#material = Buffer.from(material);
    this.#cipherKey = derive(material, "seal", keyBytes);
    this.#ivKey = derive(material, "iv", keyBytes);
    this.id = derive(material, "key-id", 8).toString("hex");
    this.older = older;
  }

  static generate(): SealingKey {
    return new SealingKey(randomBytes(keyBytes));
  }

  /** One base64 key a line; empty lines and lines that start with `#` are skipped. Throws `SecretError` code "bad-key". */
  static parse(text: string, source = "sealing key"): SealingKey {
    const lines = text.split("\n").map((line) => line.trim());
    const keys = lines.flatMap((line, index) => {
      if (line === "" || line.startsWith("#")) return [];
      const material = Buffer.from(line, "base64");
      if (material.length !== keyBytes || material.toString("base64") !== line) {
        throw new SecretError("bad-key", `${source}: line ${index + 1} is not a base64 key of ${keyBytes} bytes`);
      }
      return [material];
    });
    const [first, ...rest] = keys;
    if (first === undefined) throw new SecretError("bad-key", `${source}: holds no key`);
    const older = rest.map((material) => new SealingKey(material));
    return new SealingKey(first, older);
  }

  /** The text form that `parse` reads. Holds the key itself: only for a key file or an encrypted channel. */
  export(): string {
    return [this, ...this.older].map((key) => `${key.#material.toString("base64")}\n`).join("");
  }

  /** `context` (what the bytes are for) is authenticated, so a record cannot be moved to another place. */
  seal(plaintext: Uint8Array, context: string): SealedBytes {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(context));
    const iv = createHmac("sha256", this.#ivKey).update(length).update(context).update(plaintext).digest().subarray(0, ivBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#cipherKey, iv).setAAD(Buffer.from(context));
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return {
      keyId: this.id,
      iv: iv.toString("base64"),
      tag: cipher.getAuthTag().toString("base64"),
      ciphertext: ciphertext.toString("base64"),
    };
  }

  /** Throws `SecretError`: "wrong-key" if another key sealed it, "tampered" if it does not authenticate. */
  open(sealed: SealedBytes, context: string): Uint8Array {
    const key = [this, ...this.older].find((candidate) => candidate.id === sealed.keyId);
    if (key === undefined) {
      const held = [this, ...this.older].map((candidate) => candidate.id).join(", ");
      throw new SecretError("wrong-key", `${context} is sealed with key ${sealed.keyId}; this process holds ${held}`);
    }
    try {
      const decipher = createDecipheriv("aes-256-gcm", key.#cipherKey, Buffer.from(sealed.iv, "base64"), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(context)).setAuthTag(Buffer.from(sealed.tag, "base64"));
      return Buffer.concat([decipher.update(Buffer.from(sealed.ciphertext, "base64")), decipher.final()]);
    } catch (error) {
      throw new SecretError("tampered", `${context} does not authenticate: it was changed after it was sealed`, { cause: error });
    }
  }

  /** 32 bytes bound to `purpose`; from them nobody finds the key, and other purposes have unrelated bytes. */
  deriveBytes(purpose: string): Buffer {
    return derive(this.#material, `derived/${purpose}`, keyBytes);
  }

  /** Keeps the key out of JSON. */
  toJSON(): { id: string } {
    return { id: this.id };
  }
}
