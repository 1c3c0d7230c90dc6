/** Matches every host, and is what an empty hostname means. */
export const anyHost = "*";

export const hostOrAny = (hostname: string | undefined): string => hostname || anyHost;

/**
 * True if `outer` names every host that `inner` does. Labels after the first are compared from the right and the first alone
 * may be `*`; so, as in Kuma, `foo.com` also contains `foo.x.com`.
 */
export function contains(outer: string, inner: string): boolean {
  const [outerFirst, ...outerRest] = outer.split(".");
  const [innerFirst, ...innerRest] = inner.split(".");
  if (outerRest.length > innerRest.length) return false;
  const tail = innerRest.slice(innerRest.length - outerRest.length);
  return outerRest.every((label, index) => label === tail[index]) && (outerFirst === anyHost || outerFirst === innerFirst);
}

/** True if a route for one of these hostnames has something to say on a virtual host; a route without hostnames has. */
export const servesHost = (hostnames: readonly string[], host: string): boolean =>
  hostnames.length === 0 || hostnames.some((hostname) => contains(hostOrAny(hostname), host) || contains(host, hostOrAny(hostname)));

/** Exact names first, then wildcards with more labels, then by the alphabet. */
export function compareExactness(a: string, b: string): number {
  const wildcard = (host: string): boolean => host.split(".")[0] === anyHost;
  if (wildcard(a) !== wildcard(b)) return wildcard(a) ? 1 : -1;
  const labels = wildcard(a) ? b.split(".").length - a.split(".").length : 0;
  return labels || (a < b ? -1 : a > b ? 1 : 0);
}
