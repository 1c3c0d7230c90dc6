export type ProxyType = "dataplane" | "ingress" | "egress";

/** What names a proxy in the zone's log. */
export interface ProxyName {
  proxyType: ProxyType;
  /** "" for zone proxies. */
  mesh: string;
  name: string;
}

/** Names a proxy inside an xDS server, and wherever it is counted. An ingress and an egress of one name are two proxies, though Envoy calls both `.<name>`. */
export const nodeIdOf = ({ proxyType, mesh, name }: ProxyName): string =>
  proxyType === "dataplane" ? `${mesh}.${name}` : `${proxyType}:${name}`;
