import { isIP } from "node:net";
import { canBeAuthority } from "@atoll/certificate";
import {
  canonicalHost,
  type DataplaneSpec,
  identifyingServiceOf,
  isBuiltinGateway,
  loopbackBeside,
  meshPrometheusOf,
  type MeshSpec,
  type ProxyType,
  type ResourceDraft,
  type Violation,
  type ZoneEgressSpec,
  type ZoneIngressSpec,
} from "@atoll/resource";
import type { ResourceReader } from "@atoll/replica";
import { buildBootstrap, type BootstrapParams } from "@atoll/translate";
import { stringify } from "yaml";
import type { BootstrapRequest } from "./bootstrap-request.ts";
import type { ProxyAuthentication } from "./proxy-authenticator.ts";
import { needsHealthChecks } from "./health-specifier.ts";
import { parseBroughtResource, ProxyNodeError } from "./proxy-node.ts";
import { resourceTypeOf } from "./proxy-records.ts";
import { completeRegistration, registrationViolations } from "./registration.ts";

export interface BootstrapContext {
  zone: string;
  config: ResourceReader;
  zoneResources: ResourceReader;
  authentication: ProxyAuthentication;
  /** Names and addresses that the server's certificate carries. */
  certificateNames: readonly string[];
  certificatePem: string;
  /** Where Envoys' admin interfaces bind; "" = the loopback of the family of the proxy's own address. */
  adminAddress: string;
  adminPort: number;
  adminAccessLogPath: string;
  /** Proxies are to check their own health and that of their applications. */
  healthDiscovery: boolean;
  /** A proxy that says where its token is has Envoy read it there for each stream, so that it can be replaced. */
  reloadableTokens: boolean;
  /** Host that Envoy is to connect to; "" = the one this request came to. */
  xdsHost: string;
  xdsPort: number;
  xdsConnectTimeoutMs: number;
  maxDownstreamConnections: number;
  /** Template of the configuration of the launcher's CoreDNS; absent = its own. */
  corefileTemplate?: string | undefined;
}

/** Status and body of an answer that refuses; kuma-dp shows the text to its operator. */
export class BootstrapProblem extends Error {
  override readonly name = "BootstrapProblem";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface BootstrapAnswer {
  bootstrap: string;
  kumaSidecarConfiguration: {
    networking: { isUsingTransparentProxy: boolean; corefileTemplate: string | null; address: string };
    metrics: { aggregate: { name: string; address: string; port: number; path: string }[] };
  };
}

/** What a proxy needs to start its Envoy (controlplane.md 3.2, 3.3). The token is not judged here: Envoy presents it to ADS. */
export function answerBootstrap(request: BootstrapRequest, requestHost: string, context: BootstrapContext): BootstrapAnswer {
  const proxyType = (request.proxyType || "dataplane") as ProxyType;
  if (!(proxyType in resourceTypeOf))
    throw new BootstrapProblem(422, `proxyType "${request.proxyType}" is not one of dataplane, ingress, egress`);
  requireToken(request, proxyType, context.authentication);
  if (proxyType === "dataplane") requireMeshName(request);
  const resource = resourceOf(request, proxyType, context);
  const host = serverHost(requestHost, context);
  const caPem = authorityOf(request.caCert) || context.certificatePem;
  const kind = proxyKind(proxyType, resource);
  const admin = (resource.spec as DataplaneSpec | ZoneIngressSpec | ZoneEgressSpec).networking?.admin?.port;
  const adminAddress = context.adminAddress || loopbackBeside((resource.spec as DataplaneSpec).networking?.address ?? "");
  const params: BootstrapParams = {
    kind,
    mesh: resource.mesh,
    name: resource.name,
    cluster: proxyType === "dataplane" ? identifyingServiceOf(resource.spec as DataplaneSpec) : proxyType,
    server: { host, port: context.xdsPort, caPem, v4Only: !isIP(host), connectTimeoutMs: context.xdsConnectTimeoutMs },
    ...tokenOf(request, context),
    protocol: request.xdsTransport ?? "delta",
    admin: { port: admin || context.adminPort, address: adminAddress, accessLogPath: context.adminAccessLogPath },
    healthDiscovery: context.healthDiscovery && proxyType === "dataplane" && needsHealthChecks(resource.spec as DataplaneSpec),
    node: {
      ...(request.dataplaneResource !== "" && { resource: request.dataplaneResource }),
      ...(request.version && { version: request.version }),
      features: request.features ?? [],
      workdir: request.workdir,
      metricsCertPath: request.metricsResources?.certPath ?? "",
      metricsKeyPath: request.metricsResources?.keyPath ?? "",
      systemCaPath: request.systemCaPath,
      ipv6Enabled: request.ipv6Enabled ?? false,
      ...(request.dnsPort ? { dnsPort: request.dnsPort } : {}),
      ...(request.readinessPort ? { readinessPort: request.readinessPort } : {}),
      appProbeProxyEnabled: request.appProbeProxyDisabled ?? false,
      dynamicMetadata: request.dynamicMetadata ?? {},
    },
    edgeLimits: { maxDownstreamConnections: context.maxDownstreamConnections, maxHeapSizeBytes: request.resources?.maxHeapSizeBytes ?? 0 },
  };
  const networking = (resource.spec as DataplaneSpec).networking;
  return {
    bootstrap: Buffer.from(stringify(buildBootstrap(params))).toString("base64"),
    kumaSidecarConfiguration: {
      networking: {
        isUsingTransparentProxy: proxyType === "dataplane" && networking.transparentProxying !== undefined,
        corefileTemplate: context.corefileTemplate === undefined ? null : Buffer.from(context.corefileTemplate).toString("base64"),
        address: networking.address ?? "",
      },
      metrics: { aggregate: proxyType === "dataplane" ? applicationsOf(resource, context) : [] },
    },
  };
}

/** Whose metrics the launcher is to tell beside Envoy's, by the `metrics` of the mesh and of the dataplane itself. */
function applicationsOf(
  { mesh, spec }: ResourceDraft,
  { config }: BootstrapContext,
): BootstrapAnswer["kumaSidecarConfiguration"]["metrics"]["aggregate"] {
  const dataplane = spec as DataplaneSpec;
  const { aggregate = [] } = meshPrometheusOf(config.get<MeshSpec>("Mesh", "", mesh)?.spec, dataplane) ?? {};
  return aggregate
    .filter(({ enabled }) => enabled !== false)
    .map(({ name = "", address, port = 0, path = "" }) => ({ name, address: address || dataplane.networking.address, port, path }));
}

function requireToken(request: BootstrapRequest, proxyType: ProxyType, authentication: ProxyAuthentication): void {
  const needed = proxyType === "dataplane" ? authentication.dataplanes !== "none" : authentication.zoneProxies !== "none";
  if (needed && request.dataplaneToken === "" && request.dataplaneTokenPath === "") {
    throw new BootstrapProblem(
      422,
      "Dataplane Token is required. Generate token using 'atollctl generate dataplane-token > /path/file' and provide it via --dataplane-token-file=/path/file argument to the proxy",
    );
  }
}

/** With the token's text Envoy sends it itself; with only a path, or where tokens may be replaced, it reads the file for each stream. */
function tokenOf(
  { dataplaneToken, dataplaneTokenPath }: BootstrapRequest,
  { reloadableTokens }: BootstrapContext,
): Pick<BootstrapParams, "token"> {
  if (dataplaneToken !== "" && !(reloadableTokens && dataplaneTokenPath !== "")) return { token: { token: dataplaneToken } };
  return dataplaneTokenPath === "" ? {} : { token: { tokenPath: dataplaneTokenPath } };
}

/** Envoy verifies this server with it, which works only with the certificate of an authority. */
function authorityOf(caPem: string): string {
  if (caPem === "") return "";
  let isAuthority: boolean;
  try {
    isAuthority = canBeAuthority(caPem);
  } catch (error) {
    throw new BootstrapProblem(400, `The CA certificate that the data plane proxy was given cannot be read: ${(error as Error).message}`);
  }
  if (isAuthority) return caPem;
  throw new BootstrapProblem(
    400,
    "The data plane proxy was given a certificate that is not the one of a certificate authority (its basic constraint CA is false). Give the certificate that signed the control plane's with --ca-cert-file or KUMA_CONTROL_PLANE_CA_CERT_FILE.",
  );
}

/** A proxy's id is <mesh>.<name>, and its certificate carries the mesh: both end at the first dot. */
function requireMeshName({ mesh }: BootstrapRequest): void {
  if (!mesh.includes(".")) return;
  throw new BootstrapProblem(
    422,
    `Resource is not valid: mesh: "${mesh}" has a dot in its name, and a proxy of such a mesh cannot be told apart from one of the mesh "${mesh.split(".", 1)[0]}": rename the mesh`,
  );
}

function resourceOf(request: BootstrapRequest, proxyType: ProxyType, context: BootstrapContext): ResourceDraft {
  const type = resourceTypeOf[proxyType];
  let brought: ResourceDraft | undefined;
  try {
    brought = parseBroughtResource(request.dataplaneResource, proxyType);
  } catch (error) {
    if (error instanceof ProxyNodeError) throw new BootstrapProblem(422, error.message);
    throw error;
  }
  if (brought === undefined) {
    const mesh = proxyType === "dataplane" ? request.mesh || "default" : "";
    const stored = context.zoneResources.get(type, mesh, request.name);
    // An empty 404 makes kuma-dp try again: the resource may be on its way.
    if (stored === undefined) throw new BootstrapProblem(404, "");
    return stored;
  }
  const violations = broughtViolations(brought, context);
  if (violations.length === 0) return brought;
  throw new BootstrapProblem(422, `Resource is not valid: ${violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ")}`);
}

function broughtViolations(brought: ResourceDraft, { config, zone }: BootstrapContext): Violation[] {
  const complete = completeRegistration(brought, zone, undefined);
  if (brought.type !== "Dataplane") return registrationViolations(brought, complete, zone, undefined);
  const mesh = config.get<MeshSpec>("Mesh", "", brought.mesh);
  if (mesh === undefined) return [{ field: "mesh", reason: `mesh "${brought.mesh}" does not exist` }];
  const { transparentProxying, outbound } = (brought.spec as DataplaneSpec).networking;
  const outboundsToo = transparentProxying !== undefined && (outbound?.length ?? 0) > 0;
  return [
    ...registrationViolations(brought, complete, zone, mesh.spec),
    ...(outboundsToo ? [{ field: "outbound", reason: "should be empty since dataplane is in Transparent Proxying mode" }] : []),
  ];
}

function serverHost(requestHost: string, context: BootstrapContext): string {
  if (context.xdsHost !== "") return canonicalHost(context.xdsHost);
  const host = canonicalHost(requestHost.replace(/:\d+$/, ""));
  if (!context.certificateNames.includes(host)) {
    throw new BootstrapProblem(
      400,
      `A data plane proxy is trying to connect to the control plane using "${host}" address, but the certificate in the control plane has the following SANs ${context.certificateNames.join(", ")}. Either change the --cp-address of the data plane proxy or regenerate the certificate of the control plane.`,
    );
  }
  return host;
}

function proxyKind(proxyType: ProxyType, resource: ResourceDraft): BootstrapParams["kind"] {
  if (proxyType !== "dataplane") return proxyType;
  return isBuiltinGateway(resource.spec as DataplaneSpec) ? "gateway" : "sidecar";
}
