import {
  annotation,
  AnnotationError,
  applicationContainers,
  readEnabled,
  readUint32,
  type HttpGetAction,
  type Pod,
} from "@atoll/kubernetes";
import type { DataplaneSpec } from "@atoll/resource";

type Probes = NonNullable<DataplaneSpec["probes"]>;

/** The probes that the injector led to the proxy, and where each of them leads in the pod. @throws AnnotationError, or an Error for a probe that it did not make */
export function virtualProbesOf({ metadata, spec }: Pod): Probes | undefined {
  const { annotations } = metadata;
  if (readEnabled(annotations, annotation.virtualProbes) !== true) return undefined;
  const port = readUint32(annotations, annotation.virtualProbesPort);
  if (port === undefined) throw new AnnotationError(`${annotation.virtualProbesPort} annotation doesn't exist`);
  const proxyPort = readUint32(annotations, annotation.probeProxyPort) ?? 0;
  const endpoints = applicationContainers(spec)
    .flatMap(({ livenessProbe, readinessProbe, startupProbe }) => [livenessProbe, readinessProbe, startupProbe])
    .flatMap((probe) => (probe?.httpGet ? (endpointOf(probe.httpGet, port, proxyPort) ?? []) : []));
  return { port, ...(endpoints.length > 0 && { endpoints }) };
}

type Endpoint = NonNullable<Probes["endpoints"]>[number];

function endpointOf({ port, path = "" }: HttpGetAction, virtualPort: number, proxyPort: number): Endpoint | undefined {
  const fault = (reason: string) => new Error(`unable to convert virtual probe to real: ${reason}`);
  if (Number(port) !== virtualPort && (proxyPort === 0 || Number(port) !== proxyPort))
    throw fault(`probe's port ${port} should be equal to virtual port ${virtualPort}`);
  const [before, first, ...rest] = path.split("/");
  if (before !== "" || first === undefined) throw fault("not enough segments in probe's path");
  // The probe proxy's own; Envoy has no part in them.
  if (first === "tcp" || first === "grpc") return undefined;
  if (!/^\d+$/.test(first)) throw fault(`invalid port value ${first}`);
  return { inboundPort: Number(first), inboundPath: `/${rest.join("/")}`, path };
}
