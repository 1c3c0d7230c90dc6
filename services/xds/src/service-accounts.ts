import type { TokenVerifier } from "@atoll/dp-server";
import { expandPath, type Lifecycle } from "@atoll/runtime";
import type { XdsSettings } from "./settings.ts";

/** Verifies the tokens of pods by asking the API server whose they are. A proxy's resource is named after its pod, `pod.namespace`. */
export async function openServiceAccounts(
  settings: XdsSettings,
  lifecycle: Lifecycle,
): Promise<NonNullable<TokenVerifier["serviceAccount"]>> {
  const { HttpKubernetesApi, inClusterAccess, kubeconfigAccess, reviewServiceAccount } = await import("@atoll/kubernetes-client");
  const { kubeconfig } = settings.runtime.kubernetes;
  const access = kubeconfig === undefined ? inClusterAccess(process.env) : kubeconfigAccess(expandPath(kubeconfig));
  const api = lifecycle.add("API server", new HttpKubernetesApi({ access, random: Math.random }));
  return async (token, { name }) => {
    const dot = name.lastIndexOf(".");
    if (dot < 1) throw new Error(`a proxy of a cluster is named after its pod, pod.namespace, and not ${name}`);
    await reviewServiceAccount(api, token, { namespace: name.slice(dot + 1), name: name.slice(0, dot) });
  };
}
