const prime = 0x100000001b3n;
const offsetBasis = 0xcbf29ce484222325n;

/** FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a64(text: string): bigint {
  let hash = offsetBasis;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * prime);
  return hash;
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const longestPrefix = 236;
const suffixLength = 17;

/**
 * Name a resource gets where it is shown away from home: its display name and a hash of what makes it unique there
 * (controlplane.md 4.7). `values` are further parts of the identity, in order: zone label, Kubernetes namespace label.
 */
export function syncedName(mesh: string, displayName: string, ...values: (string | undefined)[]): string {
  const hex = fnv1a64(mesh + displayName + values.map((value) => value ?? "").join(""))
    .toString(16)
    .padStart(16, "0");
  const suffix = [...hex].map((character) => alphabet[character.charCodeAt(0) % alphabet.length]).join("");
  return `${displayName.slice(0, longestPrefix)}-${suffix}`;
}

/** The name at home that a synced name may stand for; exact unless it was shortened. */
export const homeNameOf = (name: string): string | undefined =>
  name.length > suffixLength && name.at(-suffixLength) === "-" ? name.slice(0, -suffixLength) : undefined;
