import { homedir } from "node:os";
import { join } from "node:path";
import type { ObjectKind } from "@atoll/kubernetes";
import type { KubernetesApi } from "@atoll/kubernetes-client";
import { CtlError } from "../ctl-error.ts";

/** What a chart asks of the cluster that it is for. */
export interface ClusterFacts {
  /** `group/version/Kind`, of those that the chart looks for. */
  apiVersions: string[];
  /** A Secret that is there already, or nothing. */
  secret: object | undefined;
}

const secrets: ObjectKind = { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true };
const definitions: ObjectKind = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

/** What the cluster has that the chart asks for. Rejects with a line that says how to do without. */
export function readClusterFacts(secret: { namespace: string; name: string }): Promise<ClusterFacts> {
  return ask(async (api) => {
    const apiVersions: string[] = [];
    for (const version of ["v1", "v1beta1"]) {
      const served = await api.served("gateway.networking.k8s.io", version);
      if (served.includes("gatewayclasses")) apiVersions.push(`gateway.networking.k8s.io/${version}/GatewayClass`);
    }
    const present = await api.list(secrets, { namespace: secret.namespace, fieldSelector: `metadata.name=${secret.name}` });
    return { apiVersions, secret: present.items[0] };
  });
}

/** The names of the definitions that the cluster has. */
export const installedDefinitions = (): Promise<Set<string>> =>
  ask(async (api) => new Set((await api.list(definitions)).items.map(({ metadata }) => metadata.name)));

/** Asks the API server of the current context: of $KUBECONFIG (its first file), else ~/.kube/config. */
async function ask<T>(question: (api: KubernetesApi) => Promise<T>): Promise<T> {
  const { HttpKubernetesApi, kubeconfigAccess } = await import("@atoll/kubernetes-client");
  const path = process.env["KUBECONFIG"]?.split(":").find(Boolean) ?? join(homedir(), ".kube", "config");
  try {
    const api = new HttpKubernetesApi({ access: kubeconfigAccess(path), random: Math.random });
    try {
      return await question(api);
    } finally {
      await api.close();
    }
  } catch (error) {
    throw new CtlError(`could not ask the cluster (--without-kubernetes-connection does without it): ${(error as Error).message}`);
  }
}
