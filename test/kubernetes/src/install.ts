import { mkdirSync, chownSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@atoll/testkit/kafka-jars";
import type { Cluster } from "./cluster.ts";
import { imageTag, registry } from "./images.ts";

export const systemNamespace = "kuma-system";

/** Runs `atollctl install control-plane` with these flags and applies what it prints; resolves when all of it is available. */
export async function installControlPlane(cluster: Cluster, ...flags: string[]): Promise<void> {
  await offerDisk(cluster);
  const objects = await controlPlaneObjects(cluster, ...flags);
  await cluster.apply(objects, "--server-side");
  await rolledOut(cluster, systemNamespace);
}

export async function controlPlaneObjects(cluster: Cluster, ...flags: string[]): Promise<string> {
  const atollctl = [process.execPath, "--disable-warning=ExperimentalWarning", join(repositoryRoot(), "build", "atollctl.js")];
  const images = ["--registry", registry, "--version", imageTag];
  // A test's machine has two cores.
  const small = ["--set", "controlPlane.resources.requests.cpu=50m"];
  return (await cluster.run([...atollctl, "install", "control-plane", ...images, ...small, ...flags])).stdout;
}

export type TokenRequest = ["zone-token", "--zone", string, "--scope", string] | ["dataplane-token", "--mesh", string];

/** A token of the control plane in a cluster, as its administrator asks for one. */
export async function generateToken(cluster: Cluster, ...request: TokenRequest): Promise<string> {
  const inPod = ["--namespace", systemNamespace, "exec", "deployment/kuma-control-plane", "--container", "control-plane", "--"];
  return (await cluster.kubectl(...inPod, "atollctl", "generate", ...request, "--valid-for", "1h")).trim();
}

/** A zone of a global that other clusters reach at an address. */
export async function installZone(
  cluster: Cluster,
  zone: { name: string; token: string; globalAddress: string },
  ...flags: string[]
): Promise<void> {
  await cluster.kubectl("create", "namespace", systemNamespace);
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "kuma-zone-token", namespace: systemNamespace } };
  await cluster.apply(JSON.stringify({ ...secret, stringData: { token: zone.token } }));
  const joins = ["--mode=zone", `--zone=${zone.name}`, `--kds-global-address=${zone.globalAddress}`];
  await installControlPlane(cluster, ...joins, ...flags);
}

/** Waits for every Deployment of a namespace. */
export async function rolledOut(cluster: Cluster, namespace: string): Promise<void> {
  try {
    await cluster.kubectl("--namespace", namespace, "rollout", "status", "deployment", "--timeout=180s");
  } catch (error) {
    const pods = await cluster.run(["kubectl", "--namespace", namespace, "describe", "pods"], { mayFail: true });
    const logs = ["kubernetes", "control-plane", "zone", "xds", "tokens"].map(async (container) => {
      const args = ["--namespace", namespace, "logs", "deployment/kuma-control-plane", "--container", container, "--tail=15"];
      return `--- ${container}\n${(await cluster.run(["kubectl", ...args], { mayFail: true })).stdout}`;
    });
    throw new Error(`${(error as Error).message}\n${pods.stdout.slice(-6_000)}\n${(await Promise.all(logs)).join("\n")}`, { cause: error });
  }
}

/** A volume for the log: the node's disk, for whoever claims one. */
async function offerDisk(cluster: Cluster): Promise<void> {
  const path = join(cluster.plan.folder, "data", "disk");
  mkdirSync(path, { recursive: true });
  chownSync(path, 65_532, 65_532);
  await cluster.apply(`
apiVersion: v1
kind: PersistentVolume
metadata: { name: disk }
spec:
  capacity: { storage: 10Gi }
  accessModes: [ReadWriteOnce]
  hostPath: { path: ${path} }
`);
}
