import { nodeIdOf, parseDocument, type ProxyName, type ProxyType, type ResourceDraft } from "@atoll/resource";
import { proxyVersion } from "./proxy-version.ts";
import { resourceTypeOf } from "./proxy-records.ts";

/** A proxy as Envoy's node describes it. */
export interface ProxyNode extends ProxyName {
  /** Names it inside this server: see `nodeIdOf`. */
  nodeId: string;
  /** The resource to register, if the proxy brought one. */
  resource: ResourceDraft | undefined;
  adminPort: number | undefined;
  /** Where its bootstrap has the admin interface bind. */
  adminAddress: string | undefined;
  readinessPort: number | undefined;
  dnsPort: number | undefined;
  workdir: string;
  /** "" = it does not say. */
  /** Files on its machine for the listener that Prometheus reads. */
  metricsTls: { certificate: string; key: string } | undefined;
  systemCaPath: string;
  features: readonly string[];
  /** Names of what is compiled into its Envoy. */
  extensions: ReadonlySet<string>;
  version: Record<string, unknown> | undefined;
}

export class ProxyNodeError extends Error {
  override readonly name = "ProxyNodeError";
}

/** `<mesh>.<name>`; the mesh is empty for zone proxies. The first dot separates. */
export function parseNodeId(nodeId: string): { mesh: string; name: string } {
  const dot = nodeId.indexOf(".");
  if (dot < 0 || dot === nodeId.length - 1) throw new ProxyNodeError(`node id "${nodeId}" is not of the form <mesh>.<name>`);
  return { mesh: nodeId.slice(0, dot), name: nodeId.slice(dot + 1) };
}

/** Reads the node of a proxy's first request to a control plane of `ownVersion`. Keys as in Kuma's bootstrap: `dataplane.proxyType`, `dataplane.resource`, ... */
export function parseProxyNode(
  node: {
    id: string;
    metadata?: Record<string, unknown> | undefined;
    extensions?: readonly { name: string }[];
  },
  ownVersion: string,
): ProxyNode {
  const { mesh, name } = parseNodeId(node.id);
  const metadata = node.metadata ?? {};
  const text = (key: string) => (typeof metadata[key] === "string" ? metadata[key] : undefined);
  const port = (key: string) => {
    const number = Number(text(key));
    return Number.isInteger(number) && number > 0 && number < 65_536 ? number : undefined;
  };
  const proxyType = (text("dataplane.proxyType") || "dataplane") as ProxyType;
  if (!(proxyType in resourceTypeOf))
    throw new ProxyNodeError(`"dataplane.proxyType" is "${proxyType}", not one of dataplane, ingress, egress`);
  if (proxyType !== "dataplane" && mesh !== "") throw new ProxyNodeError(`node id "${node.id}" names a mesh, but a zone proxy is in none`);
  const resource = parseBroughtResource(text("dataplane.resource"), proxyType);
  if (resource !== undefined && (resource.mesh !== mesh || resource.name !== name)) {
    throw new ProxyNodeError(`node id "${node.id}" does not name the resource it brings ("${resource.mesh}.${resource.name}")`);
  }
  const [certificate, key] = [text("metricsCertPath"), text("metricsKeyPath")];
  return {
    nodeId: nodeIdOf({ proxyType, mesh, name }),
    mesh,
    name,
    proxyType,
    resource,
    adminPort: port("dataplane.admin.port"),
    adminAddress: text("dataplane.admin.address"),
    readinessPort: port("dataplane.readinessReporter.port"),
    dnsPort: port("dataplane.dns.port"),
    workdir: text("workdir") ?? "",
    metricsTls: certificate && key ? { certificate, key } : undefined,
    systemCaPath: text("systemCaPath") ?? "",
    features: Array.isArray(metadata.features) ? metadata.features.filter((one) => typeof one === "string") : [],
    extensions: new Set((node.extensions ?? []).map((one) => one.name)),
    version: proxyVersion(metadata, ownVersion),
  };
}

/** The document a proxy brings, checked; undefined when it brings none. */
export function parseBroughtResource(document: string | undefined, proxyType: ProxyType): ResourceDraft | undefined {
  if (document === undefined || document === "") return undefined;
  let body: unknown;
  try {
    body = JSON.parse(document);
  } catch (error) {
    throw new ProxyNodeError(`the dataplane resource is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = parseDocument(body);
  if (!parsed.ok) {
    const reason =
      parsed.violations === undefined ? parsed.parseError : parsed.violations.map((one) => `${one.field}: ${one.reason}`).join("; ");
    throw new ProxyNodeError(`the dataplane resource is not valid: ${reason}`);
  }
  if (parsed.resource.type !== resourceTypeOf[proxyType]) {
    throw new ProxyNodeError(
      `the dataplane resource is a ${parsed.resource.type}, but a proxy of type ${proxyType} needs a ${resourceTypeOf[proxyType]}`,
    );
  }
  return parsed.resource;
}
