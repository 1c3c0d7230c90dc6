import { hash } from "node:crypto";
import type { Resource } from "@atoll/resource";

const memo = new WeakMap<Resource, Uint8Array>();

/** SHA-256 of one resource with its key, times and revision. Remembered by identity: a resource is never changed in place. */
export function resourceDigest(resource: Resource): Uint8Array {
  let digest = memo.get(resource);
  if (!digest) {
    const { type, mesh, name, labels, spec, creationTime, modificationTime, revision } = resource;
    const text = JSON.stringify([type, mesh, name, labels ?? {}, spec, creationTime, modificationTime, revision]);
    memo.set(resource, (digest = hash("sha256", text, "buffer")));
  }
  return digest;
}

/**
 * A digest of a set that does not depend on the order of its members: the sum of their digests modulo 2^256, so adding and
 * removing one costs the same whatever the set's size.
 */
export class StateDigest {
  readonly #sum = new Uint8Array(32);

  add(digest: Uint8Array): void {
    let carry = 0;
    for (let i = 31; i >= 0; i--) {
      const value = this.#sum[i]! + digest[i]! + carry;
      this.#sum[i] = value & 0xff;
      carry = value >> 8;
    }
  }

  remove(digest: Uint8Array): void {
    let borrow = 0;
    for (let i = 31; i >= 0; i--) {
      const value = this.#sum[i]! - digest[i]! - borrow;
      this.#sum[i] = value & 0xff;
      borrow = value < 0 ? 1 : 0;
    }
  }

  /** Hex; the revision is part of it, so equal contents at different revisions differ. */
  at(revision: number): string {
    return hash("sha256", `${revision}:${Buffer.from(this.#sum).toString("hex")}`, "hex");
  }
}
