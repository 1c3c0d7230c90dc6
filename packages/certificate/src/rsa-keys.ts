import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

export interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** Runs on a thread of libuv's pool, tens of milliseconds for 2048 bits; the event loop goes on. */
export const generateRsaKey = (bits = 2048): Promise<KeyPair> => generate("rsa", { modulusLength: bits });

/** PEM `RSA PRIVATE KEY`. */
export const rsaPrivateKeyPem = (key: KeyObject): string => key.export({ type: "pkcs1", format: "pem" }) as string;

/**
 * Keys made ahead of need, so that a proxy that connects gets its certificate without waiting for one. Refills one at a time, and
 * only after a key was taken, so it leaves threads for others and does nothing when nothing happens.
 */
export class RsaKeyPool {
  readonly #size: number;
  readonly #ready: KeyPair[] = [];
  readonly #generate: () => Promise<KeyPair>;
  #filling = false;
  #closed = false;

  /** `size` keys are kept ready; `generate` is replaced in tests. */
  constructor(size = 4, generate: () => Promise<KeyPair> = generateRsaKey) {
    this.#size = size;
    this.#generate = generate;
    this.#refill();
  }

  /** A key that nobody else gets. With none ready, one is made at once. */
  async take(): Promise<KeyPair> {
    const key = this.#ready.shift();
    if (key === undefined) {
      const made = await this.#generate();
      this.#refill();
      return made;
    }
    this.#refill();
    return key;
  }

  get ready(): number {
    return this.#ready.length;
  }

  close(): void {
    this.#closed = true;
    this.#ready.length = 0;
  }

  #refill(): void {
    if (this.#filling || this.#closed || this.#ready.length >= this.#size) return;
    this.#filling = true;
    this.#generate().then(
      (key) => {
        this.#filling = false;
        if (!this.#closed) this.#ready.push(key);
        this.#refill();
      },
      // The next `take` makes its own key and shows the failure to its caller.
      () => {
        this.#filling = false;
      },
    );
  }
}
