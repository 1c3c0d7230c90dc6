import type { ResourceDraft } from "@atoll/resource";
import type { ProxyType } from "./proxy-records.ts";

/** What a verified token may be used for. */
export interface TokenVerifier {
  /** Rejects with an error whose message says why the token can't be used for this dataplane. */
  dataplane(token: string, dataplane: ResourceDraft): Promise<void>;
  /** The same for a zone proxy of this zone. */
  zoneProxy(token: string, scope: "ingress" | "egress"): Promise<void>;
  /** Whether a token that was good once is on a list of revoked ones, whatever became of its key. */
  isRevoked(token: string, proxy: { proxyType: ProxyType; mesh: string }): boolean;
}

export interface ProxyAuthentication {
  /** "none" lets every proxy in. */
  dataplanes: "dpToken" | "none";
  zoneProxies: "zoneToken" | "none";
}

/**
 * Checks the credential of one stream against the resource that it speaks for, and against the one that this replaces: who may be
 * one service must not take the place of another.
 */
export async function authenticateProxy(
  verifier: TokenVerifier,
  mode: ProxyAuthentication,
  proxy: { proxyType: ProxyType; resource: ResourceDraft; replaces: ResourceDraft | undefined },
  token: string,
): Promise<void> {
  if (proxy.proxyType === "dataplane") {
    if (mode.dataplanes !== "dpToken") return;
    await verifier.dataplane(token, proxy.resource);
    if (proxy.replaces === undefined) return;
    try {
      await verifier.dataplane(token, proxy.replaces);
    } catch (error) {
      throw new Error(`the token does not allow to replace the dataplane of that name: ${(error as Error).message}`, { cause: error });
    }
  } else if (mode.zoneProxies === "zoneToken") {
    await verifier.zoneProxy(token, proxy.proxyType);
  }
}
