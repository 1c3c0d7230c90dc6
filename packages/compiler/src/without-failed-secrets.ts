import type { FilterChainView, ListenerView, ProxyView } from "@atoll/view";

/**
 * The view without the certificates that could not be made: Envoy would hold a whole listener back for one of them. A chain that has others
 * serves with those; one that has none, or whose CA is missing, is left out.
 */
export function withoutFailedSecrets(view: ProxyView, failed: readonly string[]): ProxyView {
  if (failed.length === 0) return view;
  const missing = new Set(failed);
  const listeners = view.listeners.flatMap((listener): ListenerView[] => {
    const chains = listener.chains.flatMap((chain) => servable(chain, missing) ?? []);
    if (chains.every((chain, index) => chain === listener.chains[index]) && chains.length === listener.chains.length) return [listener];
    return chains.length === 0 ? [] : [{ ...listener, chains }];
  });
  return { ...view, listeners };
}

/** Parts of the view that ask for a secret, in words. */
export function askersOf({ listeners, clusters }: Pick<ProxyView, "listeners" | "clusters">, secret: string): string[] {
  const asks = (tls: { ca?: string; certificate?: string; clientCertificate?: string; certificates?: readonly string[] } | undefined) =>
    tls !== undefined && [tls.ca, tls.certificate, tls.clientCertificate, ...(tls.certificates ?? [])].includes(secret);
  return [
    ...listeners.filter(({ chains }) => chains.some(({ tls }) => asks(tls))).map(({ name }) => `listener ${name}`),
    ...clusters
      .filter(({ tls, tlsMatches = [] }) => asks(tls) || tlsMatches.some((match) => asks(match.tls)))
      .map(({ name }) => `cluster ${name}`),
  ];
}

function servable(chain: FilterChainView, missing: ReadonlySet<string>): FilterChainView | undefined {
  const { tls } = chain;
  if (tls === undefined) return chain;
  if (tls.ca !== undefined && missing.has(tls.ca)) return undefined;
  const certificates = tls.certificates.filter((name) => !missing.has(name));
  if (certificates.length === tls.certificates.length) return chain;
  return certificates.length === 0 ? undefined : { ...chain, tls: { ...tls, certificates } };
}
