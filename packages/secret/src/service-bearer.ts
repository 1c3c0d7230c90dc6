import { createHash, timingSafeEqual } from "node:crypto";
import type { SealingKey } from "./sealing-key.ts";

const purpose = "service-bearer";
/** Derived once: every call of another service carries it. */
const bearers = new WeakMap<SealingKey, string>();

function bearerOf(key: SealingKey): string {
  let bearer = bearers.get(key);
  if (bearer === undefined) bearers.set(key, (bearer = key.deriveBytes(purpose).toString("base64url")));
  return bearer;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * The credential by which services that hold the global key know each other. It cannot be turned back into the key.
 * Send it as `authorization: Bearer <it>`; never log it.
 */
export const deriveServiceBearer = (globalKey: SealingKey): string => bearerOf(globalKey);

/**
 * Whether an `authorization` header carries the service bearer. Accepts those of older keys of the ring, so that a key can be
 * rotated one service at a time. The comparison takes the same time whatever is presented.
 */
export function isServiceBearer(globalKey: SealingKey, authorization: string | undefined): boolean {
  const presented = digest(/^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
  let accepted = false;
  for (const key of [globalKey, ...globalKey.older]) accepted = timingSafeEqual(digest(bearerOf(key)), presented) || accepted;
  return accepted;
}
