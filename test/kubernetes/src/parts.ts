import { join } from "node:path";
import { kubeconfigOf, nodeName, pathsOf, type ClusterPlan } from "./plan.ts";

export interface Part {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** What the API server needs beside it. */
export function storageAndContainers(plan: ClusterPlan): Part[] {
  const paths = pathsOf(plan);
  return [
    {
      name: "etcd",
      command: join(paths.programs, "etcd"),
      args: [
        "--unsafe-no-fsync",
        `--data-dir=${join(paths.data, "etcd")}`,
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--log-level=warn",
      ],
    },
    { name: "containerd", command: "containerd", args: ["-c", join(plan.folder, "containerd.toml")] },
  ];
}

export function apiServer(plan: ClusterPlan): Part {
  const paths = pathsOf(plan);
  return {
    name: "kube-apiserver",
    command: join(paths.programs, "kube-apiserver"),
    args: [
      "--etcd-servers=http://127.0.0.1:2379",
      "--bind-address=0.0.0.0",
      `--advertise-address=${plan.nodeAddress}`,
      "--secure-port=6443",
      `--service-cluster-ip-range=${plan.services}`,
      `--client-ca-file=${paths.certificate}`,
      `--tls-cert-file=${paths.certificate}`,
      `--tls-private-key-file=${paths.key}`,
      `--token-auth-file=${paths.tokens}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${paths.serviceAccountKey}`,
      `--service-account-signing-key-file=${paths.serviceAccountKey}`,
      "--authorization-mode=Node,RBAC",
      "--allow-privileged=true",
      "--kubelet-preferred-address-types=InternalIP",
    ],
  };
}

/** What may start once the API server answers: before, some of these would give up. */
export function everythingElse(plan: ClusterPlan): Part[] {
  const paths = pathsOf(plan);
  const config = (user: string) => `--kubeconfig=${kubeconfigOf(plan.folder, user)}`;
  return [
    {
      name: "kube-controller-manager",
      command: join(paths.programs, "kube-controller-manager"),
      args: [
        config("controllers"),
        "--use-service-account-credentials",
        `--root-ca-file=${paths.certificate}`,
        `--service-account-private-key-file=${paths.serviceAccountKey}`,
        `--cluster-signing-cert-file=${paths.signingCertificate}`,
        `--cluster-signing-key-file=${paths.signingKey}`,
        "--leader-elect=false",
        "--allocate-node-cidrs=true",
        `--cluster-cidr=${plan.pods}`,
        "--node-cidr-mask-size=24",
      ],
    },
    { name: "kube-scheduler", command: join(paths.programs, "kube-scheduler"), args: [config("scheduler"), "--leader-elect=false"] },
    {
      name: "kubelet",
      command: join(paths.programs, "kubelet"),
      args: [
        config("kubelet"),
        `--config=${join(plan.folder, "kubelet.yaml")}`,
        `--hostname-override=${nodeName}`,
        `--node-ip=${plan.nodeAddress}`,
      ],
    },
    { name: "kube-proxy", command: join(paths.programs, "kube-proxy"), args: [`--config=${join(plan.folder, "proxy.yaml")}`] },
    { name: "coredns", command: join(paths.programs, "coredns"), args: ["-conf", join(plan.folder, "Corefile")] },
  ];
}
