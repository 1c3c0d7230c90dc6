import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readTextFile, readYaml } from "@atoll/yaml";

/** Where the API server is and who asks. Certificates and keys are PEM. */
export interface ClusterAccess {
  readonly server: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly skipVerify?: boolean;
  /** Asked at every call: the token of a pod's service account is renewed in its file. */
  readonly token?: () => string;
  /** The namespace that this process runs in, where that is known. */
  readonly namespace?: string;
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Access of a pod by its service account. @throws Error outside of a pod */
export function inClusterAccess(env: Readonly<Record<string, string | undefined>>, folder: string = serviceAccount): ClusterAccess {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined) {
    throw new Error("this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig in kubernetes.kubeconfig");
  }
  const read = (name: string) => readFileSync(`${folder}/${name}`, "utf8").trim();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: read("ca.crt"),
    token: () => read("token"),
    namespace: read("namespace"),
  };
}

/**
 * Access by a kubeconfig, as its current context says: certificates and tokens, inline or as files. Commands and plug-ins that fetch
 * credentials are for people's machines, and not run.
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 * @throws Error naming the file and what it lacks
 */
export function kubeconfigAccess(path: string): ClusterAccess {
  const config = readYaml(readTextFile(path)) as Record<string, unknown>;
  const fail = (reason: string): never => {
    throw new Error(`${path}: ${reason}`);
  };
  const pick = (list: string, item: string, name: unknown): Record<string, unknown> => {
    const entries = (config[list] ?? []) as readonly Record<string, unknown>[];
    const found = entries.find((entry) => entry["name"] === name)?.[item];
    return (found as Record<string, unknown> | undefined) ?? fail(`${list} has no entry "${String(name)}"`);
  };
  const context = pick("contexts", "context", config["current-context"]);
  const cluster = pick("clusters", "cluster", context["cluster"]);
  const user = pick("users", "user", context["user"]);
  const text = (from: Record<string, unknown>, field: string): string | undefined => {
    const inline = from[`${field}-data`];
    if (typeof inline === "string") return Buffer.from(inline, "base64").toString("utf8");
    const file = from[field];
    return typeof file === "string" ? readFileSync(resolve(dirname(path), file), "utf8") : undefined;
  };
  if (user["exec"] !== undefined) fail("credentials that a command fetches (exec) are not supported");
  const { server } = cluster;
  const { token, tokenFile } = user;
  const tokenSource =
    typeof token === "string"
      ? () => token
      : typeof tokenFile === "string"
        ? () => readFileSync(resolve(dirname(path), tokenFile), "utf8").trim()
        : undefined;
  return {
    server: typeof server === "string" ? server : fail("the cluster has no server"),
    ca: text(cluster, "certificate-authority"),
    certificate: text(user, "client-certificate"),
    key: text(user, "client-key"),
    skipVerify: cluster["insecure-skip-tls-verify"] === true,
    ...(tokenSource && { token: tokenSource }),
    ...(typeof context["namespace"] === "string" && { namespace: context["namespace"] }),
  };
}
