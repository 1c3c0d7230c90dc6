import { join } from "node:path";

/** Where everything of one cluster is: addresses and folders follow from a number and a folder. */
export interface ClusterPlan {
  /** Becomes its addresses, 10.<number>.0.0/16: two clusters that are joined have different ones. */
  number: number;
  /** Of its own, on a disk; removed with the cluster. */
  folder: string;
  /** Names its control groups, which all clusters of a machine share the place of. */
  name: string;
  nodeAddress: string;
  /** Of its pods, of Services, and what balancers of loads hand out. */
  pods: string;
  services: string;
  balancers: string;
  /** Of the API server and of the cluster's DNS, as Services. */
  apiAddress: string;
}

export function planCluster(number: number, folder: string, name: string): ClusterPlan {
  return {
    number,
    folder,
    name,
    nodeAddress: `10.${number}.255.1`,
    pods: `10.${number}.0.0/20`,
    services: `10.${number}.96.0/20`,
    balancers: `10.${number}.254`,
    apiAddress: `10.${number}.96.1`,
  };
}

export const nodeName = "node1";

/** Files of the plan's folder that more than one part reads. */
export function pathsOf({ folder }: Pick<ClusterPlan, "folder">) {
  return {
    certificate: join(folder, "server.crt"),
    key: join(folder, "server.key"),
    signingCertificate: join(folder, "signing.crt"),
    signingKey: join(folder, "signing.key"),
    serviceAccountKey: join(folder, "service-account.key"),
    tokens: join(folder, "tokens.csv"),
    adminConfig: kubeconfigOf(folder, "admin"),
    programs: join(folder, "bin"),
    logs: join(folder, "log"),
    data: join(folder, "data"),
  };
}

export const kubeconfigOf = (folder: string, user: string): string => join(folder, `${user}.kubeconfig`);

/** Who knows the API server by a token of the file: name, user, groups. */
export const users = [
  { name: "admin", user: "admin", group: "system:masters" },
  { name: "controllers", user: "system:kube-controller-manager", group: "" },
  { name: "scheduler", user: "system:kube-scheduler", group: "" },
  { name: "kubelet", user: `system:node:${nodeName}`, group: "system:nodes" },
  { name: "proxy", user: "system:kube-proxy", group: "" },
] as const;
