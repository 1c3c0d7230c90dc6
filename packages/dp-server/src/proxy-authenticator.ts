import type { ProxyType, ResourceDraft } from "@atoll/resource";

/** What a verified token may be used for. */
export interface TokenVerifier {
  /** Rejects with an error whose message says why the token can't be used for this dataplane. */
  dataplane(token: string, dataplane: ResourceDraft): Promise<void>;
  /** The same for a zone proxy of this zone. */
  zoneProxy(token: string, scope: "ingress" | "egress"): Promise<void>;
  /** Rejects where the token of a pod's service account is not that of the pod that the resource is of. Absent: this zone is on no cluster. */
  serviceAccount?(token: string, resource: ResourceDraft): Promise<void>;
  /** Whether a token that was good once is on a list of revoked ones, whatever became of its key. */
  isRevoked(token: string, proxy: { proxyType: ProxyType; mesh: string }): boolean;
}

export interface ProxyAuthentication {
  /** "none" lets every proxy in. */
  dataplanes: "dpToken" | "serviceAccountToken" | "none";
  zoneProxies: "zoneToken" | "serviceAccountToken" | "none";
}

/** How a proxy of this type proves who it is. */
export const credentialOf = ({ dataplanes, zoneProxies }: ProxyAuthentication, proxyType: ProxyType) =>
  proxyType === "dataplane" ? dataplanes : zoneProxies;

/**
 * Checks the credential of one stream against the resource that it speaks for, and against the one that this replaces: who may be
 * one service must not take the place of another.
 */
export async function authenticateProxy(
  verifier: TokenVerifier,
  mode: ProxyAuthentication,
  proxy: { proxyType: ProxyType; resource: ResourceDraft; replaces: ResourceDraft | undefined; isBrought?: boolean },
  token: string,
): Promise<void> {
  if (credentialOf(mode, proxy.proxyType) === "serviceAccountToken") {
    // Its token says which pod it is, and no more: what that pod is in the mesh, the cluster says.
    if (proxy.isBrought === true) throw new Error("a proxy that is known by its service account cannot bring a resource of its own");
    if (verifier.serviceAccount === undefined) throw new Error("service account tokens cannot be verified here");
    return verifier.serviceAccount(token, proxy.resource);
  }
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
