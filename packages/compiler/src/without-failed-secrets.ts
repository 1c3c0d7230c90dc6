import type { FilterChainView, ListenerView, ProxyView } from "@atoll/view";

/**
 * The view without the filter chains whose certificates could not be made: Envoy would hold a whole listener back for one of them.
 * The rest is served.
 */
export function withoutFailedSecrets(view: ProxyView, failed: readonly string[]): ProxyView {
  if (failed.length === 0) return view;
  const missing = new Set(failed);
  const listeners = view.listeners.flatMap((listener): ListenerView[] => {
    const chains = listener.chains.filter((chain) => !needsAny(chain, missing));
    if (chains.length === listener.chains.length) return [listener];
    return chains.length === 0 ? [] : [{ ...listener, chains }];
  });
  return { ...view, listeners };
}

const needsAny = ({ tls }: FilterChainView, missing: ReadonlySet<string>): boolean =>
  [tls?.ca, ...(tls?.certificates ?? [])].some((name) => name !== undefined && missing.has(name));
