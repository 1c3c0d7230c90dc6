/** Names one proxy, with what it said of itself when it connected. */
export interface ProxyRef {
  type: "dataplane" | "ingress" | "egress";
  /** "" for zone proxies. */
  mesh: string;
  name: string;
  metadata?: ProxyMetadata;
}

export interface ProxyMetadata {
  /** Port of Envoy's admin interface on `adminAddress`, when the resource does not say. */
  adminPort?: number;
  /** Default: the loopback of the family of the proxy's own address. */
  adminAddress?: string;
  /** Port on which kuma-dp answers whether it is ready. */
  readinessPort?: number;
  /** Port on which the workload's DNS questions are to be answered; absent = none. */
  dnsPort?: number;
  /** True if its Envoy has the Kafka broker filter, which only contrib builds have; others refuse a listener that names it. */
  kafkaFilter?: boolean;
  /** Folder in which kuma-dp opens pipes for access logs. Default /tmp. */
  workDir?: string;
  /** Files on its machine with the certificate and the key of the listener for Prometheus. */
  metricsTls?: { certificate: string; key: string };
  /** File with the CAs that its machine trusts. */
  systemCaPath?: string;
}
