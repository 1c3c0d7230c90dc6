import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { stringify } from "yaml";
import { networkPlugins } from "./machine.ts";
import { kubeconfigOf, pathsOf, users, type ClusterPlan } from "./plan.ts";

const parts = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd", "coredns", "kubectl"];

/** Writes what the parts of a cluster read before they start: keys, certificates, tokens, and their configurations. */
export function writeClusterFiles(plan: ClusterPlan, program: string): void {
  const { folder, nodeAddress, apiAddress } = plan;
  const paths = pathsOf(plan);
  for (const made of [paths.logs, paths.programs, join(folder, "manifests")]) mkdirSync(made, { recursive: true });
  for (const part of parts) symlinkSync(program, join(paths.programs, part));

  const api = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];
  const server = selfSignedPair(["localhost", ...api, "127.0.0.1", apiAddress, nodeAddress]);
  const signing = selfSignedPair(["atoll-test-authority"], { authority: true });
  const accounts = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keep = (path: string, text: string) => writeFileSync(path, text, { mode: 0o600 });
  keep(paths.certificate, server.certificatePem);
  keep(paths.key, server.privateKeyPem);
  keep(paths.signingCertificate, signing.certificatePem);
  keep(paths.signingKey, signing.privateKeyPem);
  keep(paths.serviceAccountKey, accounts.privateKey.export({ type: "sec1", format: "pem" }) as string);
  const withTokens = users.map((one) => ({ ...one, token: randomBytes(16).toString("hex") }));
  keep(paths.tokens, withTokens.map(({ token, user, group }) => `${token},${user},${user},"${group}"\n`).join(""));
  for (const { name, token } of withTokens) keep(kubeconfigOf(folder, name), kubeconfig(name, token, server.certificatePem));

  for (const [name, content] of Object.entries(configurations(plan)))
    writeFileSync(join(folder, name), typeof content === "string" ? content : stringify(content));
}

function kubeconfig(user: string, token: string, authority: string): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "here",
        cluster: { server: "https://127.0.0.1:6443", "certificate-authority-data": Buffer.from(authority).toString("base64") },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: user, context: { cluster: "here", user } }],
    "current-context": user,
  });
}

/** By the name of the file. */
function configurations(plan: ClusterPlan): Record<string, string | object> {
  const { folder, nodeAddress, number, pods, name } = plan;
  return {
    "resolv.conf": `nameserver ${nodeAddress}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n`,
    // A pod asks the cluster's DNS and nobody else.
    "resolv.kubelet.conf": "",
    "containerd.toml": `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:3.10"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${networkPlugins}"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`,
    "network.conflist": JSON.stringify({
      cniVersion: "0.4.0",
      name: "pods",
      plugins: [
        {
          type: "bridge",
          bridge: "cni0",
          isGateway: true,
          hairpinMode: true,
          ipMasq: false,
          ipam: { type: "host-local", ranges: [[{ subnet: `10.${number}.0.0/24` }]], routes: [{ dst: "0.0.0.0/0" }] },
        },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
    }),
    "kubelet.yaml": {
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: "AlwaysAllow" },
      cgroupDriver: "cgroupfs",
      cgroupRoot: `/${name}`,
      cgroupsPerQOS: true,
      enforceNodeAllocatable: [],
      failSwapOn: false,
      clusterDNS: [nodeAddress],
      clusterDomain: "cluster.local",
      resolvConf: join(folder, "resolv.kubelet.conf"),
      staticPodPath: join(folder, "manifests"),
      containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
      evictionHard: { "nodefs.available": "1%", "imagefs.available": "1%" },
      imageGCHighThresholdPercent: 100,
      imageGCLowThresholdPercent: 99,
      // Kubernetes' own pause between looks at a pod is a minute; a test waits for every one of them.
      syncFrequency: "10s",
      registerNode: true,
    },
    "proxy.yaml": {
      apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
      kind: "KubeProxyConfiguration",
      mode: "nftables",
      clientConnection: { kubeconfig: kubeconfigOf(folder, "proxy") },
      hostnameOverride: "node1",
      clusterCIDR: pods,
      conntrack: { maxPerCore: 0, min: 0 },
      nftables: { minSyncPeriod: "100ms" },
    },
    Corefile: `.:53 {
  bind ${nodeAddress}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfigOf(folder, "admin")} admin
    ttl 1
  }
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`,
  };
}
