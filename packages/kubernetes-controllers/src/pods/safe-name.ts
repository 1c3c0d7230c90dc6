const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A text as names of pods have it: no vowels and no digits that look like them. Source: k8s.io/apimachinery/pkg/util/rand#SafeEncodeString */
export const safeEncode = (text: string): string =>
  [...text].map((character) => alphabet[character.charCodeAt(0) % alphabet.length]).join("");

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const longestName = 63;
const longestHash = 10;

/** Name of the MeshService for one pod of a headless Service. */
export function headlessName(service: { name: string; namespace: string }, pod: string): string {
  const isLong = pod.length + longestHash + 1 > longestName;
  const hash = safeEncode(String(fnv1a32(service.name + service.namespace + (isLong ? pod : ""))));
  return `${isLong ? pod.slice(0, longestName - longestHash - 1) : pod}-${hash}`;
}
