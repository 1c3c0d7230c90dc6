import {
  annotation,
  applicationContainers,
  readEnabled,
  readUint32,
  type Container,
  type HttpGetAction,
  type Pod,
  type PortReference,
  type Probe,
} from "@atoll/kubernetes";
import { InjectionError } from "./injection-error.ts";

/**
 * The pod with its probes led to the proxy, for the kubelet has no certificate of the mesh: to its probe proxy, which carries out HTTP, TCP and gRPC
 * probes, or, where that is off, HTTP probes to a listener of Envoy. Annotations are those that injection wrote. @throws InjectionError
 */
export function withProbes(pod: Pod): Pod {
  const { annotations } = pod.metadata;
  const proxyPort = readUint32(annotations, annotation.probeProxyPort) ?? 0;
  if (proxyPort > 0) return mapProbes(pod, (probe, container) => proxied(probe, container, proxyPort));
  if (!readEnabled(annotations, annotation.virtualProbes)) return pod;
  const virtualPort = readUint32(annotations, annotation.virtualProbesPort) ?? 0;
  return mapProbes(pod, (probe, container) => virtual(probe, container, virtualPort));
}

function mapProbes(pod: Pod, change: (probe: Probe, container: Container) => Probe): Pod {
  const concerned = new Set(applicationContainers(pod.spec));
  const changed = (container: Container): Container => {
    if (!concerned.has(container)) return container;
    const probes = (["livenessProbe", "readinessProbe", "startupProbe"] as const).flatMap((kind) => {
      const probe = container[kind];
      return probe ? [[kind, change(probe, container)] as const] : [];
    });
    return { ...container, ...Object.fromEntries(probes) };
  };
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(containers && { containers: containers.map(changed) }),
      ...(initContainers && { initContainers: initContainers.map(changed) }),
    },
  };
}

function virtual(probe: Probe, container: Container, virtualPort: number): Probe {
  if (!probe.httpGet) return probe;
  const port = portOf(probe.httpGet.port, container, virtualPort);
  return { ...probe, httpGet: { ...probe.httpGet, port: virtualPort, path: `/${port}${absolute(probe.httpGet.path)}` } };
}

const header = (name: string, value: string) => ({ name: `X-Kuma-Probes-${name}`, value });

function proxied({ httpGet, tcpSocket, grpc, ...probe }: Probe, container: Container, proxyPort: number): Probe {
  const { timeoutSeconds = 0 } = probe;
  const timeout = timeoutSeconds > 1 ? [header("Timeout", String(timeoutSeconds))] : [];
  const led = (path: string, httpHeaders: HttpGetAction["httpHeaders"] = []): Probe => ({
    ...probe,
    httpGet: { port: proxyPort, path, ...(httpHeaders.length > 0 && { httpHeaders }) },
  });
  if (httpGet) {
    const port = portOf(httpGet.port, container, proxyPort);
    const headers = (httpGet.httpHeaders ?? []).map((each) => (each.name === "Host" ? header("Host", each.value) : each));
    const scheme = httpGet.scheme && httpGet.scheme !== "HTTP" ? [header("Scheme", httpGet.scheme)] : [];
    return led(`/${port}${absolute(httpGet.path)}`, [...headers, ...scheme, ...timeout]);
  }
  if (tcpSocket) return led(`/tcp/${portOf(tcpSocket.port, container, proxyPort)}`, timeout);
  if (grpc) {
    const service = grpc.service ? [header("GRPC-Service", grpc.service)] : [];
    return led(`/grpc/${portOf(grpc.port, container, proxyPort)}`, [...timeout, ...service]);
  }
  return probe;
}

const absolute = (path = ""): string => (path.startsWith("/") ? path : `/${path}`);

/** The number of a probe's port. @throws InjectionError for a name that is no port of the container, and for the proxy's own port */
function portOf(reference: PortReference, { name, ports }: Container, reserved: number): number {
  const isNumber = typeof reference === "number" || /^\d+$/.test(reference);
  const port = isNumber ? Number(reference) : ports?.find((candidate) => candidate.name === reference)?.containerPort;
  if (port === undefined) throw new InjectionError(`probe of container "${name}": it has no port of the name "${reference}"`);
  if (port === reserved) {
    throw new InjectionError(
      `cannot override Pod's probes. Port for probe cannot be set to ${port}. It is reserved for the dataplane that will serve pods without mTLS.`,
    );
  }
  return port;
}
