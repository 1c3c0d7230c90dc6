/** Names of tags and labels with a meaning of their own. Source: kuma.io/docs, "Tags". */
export const tag = {
  service: "kuma.io/service",
  zone: "kuma.io/zone",
  mesh: "kuma.io/mesh",
  protocol: "kuma.io/protocol",
  instance: "kuma.io/instance",
  externalServiceName: "kuma.io/external-service-name",
  listenerName: "gateways.kuma.io/listener-name",
  listenerPort: "gateways.kuma.io/listener-port",
} as const;

export const label = {
  mesh: "kuma.io/mesh",
  origin: "kuma.io/origin",
  zone: "kuma.io/zone",
  env: "kuma.io/env",
  displayName: "kuma.io/display-name",
  proxyType: "kuma.io/proxy-type",
  kubernetesNamespace: "k8s.kuma.io/namespace",
  managedBy: "kuma.io/managed-by",
  deletionGracePeriodStartedAt: "kuma.io/deletion-grace-period-started-at",
  policyRole: "kuma.io/policy-role",
  effect: "kuma.io/effect",
} as const;

/** Value of `kuma.io/service` when a proxy has none. */
export const unknownService = "unknown";

export const protocols = ["http", "http2", "tcp", "tls", "grpc", "kafka", "mysql"] as const;
export type Protocol = (typeof protocols)[number];

/** The protocol of a `kuma.io/protocol` tag, in any case; undefined if unknown. */
export const parseProtocol = (value: string): Protocol | undefined => protocols.find((known) => known === value.toLowerCase());
