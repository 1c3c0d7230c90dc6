import {
  annotation,
  deprecatedPodAnnotations,
  meshOf,
  readEnabled,
  sidecarContainer,
  type Container,
  type KubernetesObject,
  type Pod,
} from "@atoll/kubernetes";
import { InjectionError } from "./injection-error.ts";
import type { InjectionSettings } from "./settings.ts";

/** The mesh that a pod is to join; undefined if it is to join none. @throws AnnotationError for a label that is neither on nor off */
export function meshToJoin(
  pod: Pod,
  namespace: KubernetesObject | undefined,
  { exceptions }: Pick<InjectionSettings, "exceptions">,
): string | undefined {
  const { labels } = pod.metadata;
  const isException = Object.entries(exceptions).some(
    ([key, value]) => labels?.[key] !== undefined && (value === "*" || value === labels[key]),
  );
  if (isException || containersOf(pod).some(({ name }) => name === sidecarContainer)) return undefined;
  const injected =
    readEnabled(labels, annotation.sidecarInjection) ?? readEnabled(namespace?.metadata.labels, annotation.sidecarInjection) ?? false;
  return injected ? meshOf(pod, namespace) : undefined;
}

/** The traffic of whoever runs as the proxy's user is not redirected, so no application may. @throws InjectionError */
export function checkUsers({ spec }: Pod, uid: number): string[] {
  const taken = (containers: readonly Container[] = []) =>
    containers.filter(({ securityContext }) => securityContext?.runAsUser === uid).map(({ name }) => name);
  const applications = taken(spec.containers);
  if (applications.length > 0) {
    const names = applications.map((name) => JSON.stringify(name)).join(" ");
    throw new InjectionError(`containers using same UID as sidecar is unsupported: [${names}]`);
  }
  return taken(spec.initContainers).map(
    (name) => `init container "${name}" runs as user ${uid}, as the sidecar does: its traffic is not redirected`,
  );
}

const switches = new Set<string>([
  annotation.dropInvalidPackets,
  annotation.iptablesLogs,
  annotation.waitForDataplaneReady,
  annotation.ebpf,
  annotation.dns,
  annotation.dnsLogging,
  annotation.gateway,
  annotation.ingress,
  annotation.egress,
  annotation.transparentProxying,
  annotation.virtualProbes,
  annotation.initFirst,
]);

/** What the author of a pod's annotations should write differently. */
export function deprecationsOf({ metadata: { annotations = {} } }: Pod): string[] {
  const gone = deprecatedPodAnnotations.filter(({ key }) => annotations[key] !== undefined).map(({ message }) => message);
  const words = Object.entries(annotations).filter(([key, value]) => switches.has(key) && (value === "yes" || value === "no"));
  return [
    ...gone,
    ...words.map(([key, value]) => `'${value}' for annotation '${key}' is deprecated, use '${value === "yes" ? "true" : "false"}'`),
  ];
}

const containersOf = ({ spec }: Pod): Container[] => [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
