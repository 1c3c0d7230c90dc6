import { clusterKinds, kindId, type ObjectKind } from "@atoll/kubernetes";
import { type ClusterCache, HttpKubernetesApi, inClusterAccess, kubeconfigAccess, type KubernetesApi } from "@atoll/kubernetes-client";
import type { ClusterView, Controller } from "@atoll/kubernetes-controllers";
import { expandPath } from "@atoll/runtime";
import type { ResourceReader } from "@atoll/replica";
import { allResourceObjectKinds } from "./carry/object-carrier.ts";
import { injectionKinds } from "./webhooks/webhooks.ts";
import { ControllerRunner } from "./runner/controller-runner.ts";
import type { KubernetesSettings } from "./settings.ts";
import type { Stored } from "./carry/stored-resources.ts";

/** The API server as this process reaches it. */
export function openApi(
  settings: KubernetesSettings,
  onCall: (call: { verb: string; kind: string; code: number }) => void,
): HttpKubernetesApi {
  const { kubeconfig } = settings.runtime.kubernetes;
  const access = kubeconfig === undefined ? inClusterAccess(process.env) : kubeconfigAccess(expandPath(kubeconfig));
  return new HttpKubernetesApi({ access, random: Math.random, onCall });
}

/** Large, and of nobody's interest here. */
const otherSecrets = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token";

/** Begins to watch everything that is looked at. Secrets only where the control plane is, unless gateways look for theirs everywhere. */
export function watchCluster(
  cache: ClusterCache,
  settings: KubernetesSettings,
  controllers: readonly Controller[],
  webhooks: boolean,
): void {
  const { systemNamespace } = settings.store.kubernetes;
  const everywhere = settings.runtime.kubernetes.supportGatewaySecretsInAllNamespaces;
  cache.watch(clusterKinds.secret, { fieldSelector: otherSecrets, ...(!everywhere && { namespace: systemNamespace }) });
  cache.watch(clusterKinds.namespace);
  for (const kind of allResourceObjectKinds) cache.watch(kind);
  const more = [...injectionKinds, clusterKinds.mutatingWebhookConfiguration, clusterKinds.validatingWebhookConfiguration];
  if (webhooks) for (const kind of more) cache.watch(kind);
  for (const controller of controllers) for (const kind of ControllerRunner.kindsOf(controller)) cache.watch(kind);
}

/** The controllers whose kinds the cluster serves, and for the others what is missing. */
export async function runnable(
  api: KubernetesApi,
  controllers: readonly Controller[],
): Promise<{ runs: Controller[]; left: { controller: string; missing: string[] }[] }> {
  const known = new Map<string, Promise<readonly string[]>>();
  const isServed = async ({ group, version, plural }: ObjectKind): Promise<boolean> => {
    const id = `${group}/${version}`;
    const served = known.get(id) ?? api.served(group, version);
    known.set(id, served);
    return (await served).includes(plural);
  };
  const runs: Controller[] = [];
  const left: { controller: string; missing: string[] }[] = [];
  for (const controller of controllers) {
    const missing: string[] = [];
    for (const kind of ControllerRunner.kindsOf(controller)) {
      // What Atoll brings itself is waited for, and not done without.
      if (kind.group !== "kuma.io" && !(await isServed(kind))) missing.push(kindId(kind));
    }
    if (missing.length === 0) runs.push(controller);
    else left.push({ controller: controller.name, missing: [...new Set(missing)] });
  }
  return { runs, left };
}

/** What controllers look at. */
export function clusterView(cache: ClusterCache, { config, zone }: Stored): ClusterView {
  const readers = [zone, config].filter((reader): reader is NonNullable<typeof reader> => reader !== undefined);
  return {
    object: (kind, key) => cache.object(kind, key),
    objects: (kind, namespace) => cache.objects(kind, namespace),
    *resources(type, mesh) {
      for (const reader of readers as readonly ResourceReader[]) yield* reader.list(type, mesh);
    },
  };
}
