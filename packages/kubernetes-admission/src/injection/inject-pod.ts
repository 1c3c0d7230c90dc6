import { annotation, readEnabled, readList, type Container, type KubernetesObject, type Pod, type VolumeMount } from "@atoll/kubernetes";
import { configDocument, defaultConfig, readConfig, type TransparentProxyConfig } from "@atoll/transparent-proxy";
import { readYaml } from "@atoll/yaml";
import { withProbes } from "./application-probes.ts";
import { loadPatches, patchContainer, type NamedPatches } from "./container-patches.ts";
import { initContainer, validationContainer, volumes } from "./init-container.ts";
import { InjectionError } from "./injection-error.ts";
import { checkUsers, deprecationsOf, meshToJoin } from "./precheck.ts";
import { overruledAnnotations, redirectAnnotations } from "./redirect-annotations.ts";
import { redirectArguments } from "./redirect-arguments.ts";
import { configAnnotations, redirectConfig } from "./redirect-config.ts";
import type { InjectionSettings } from "./settings.ts";
import { proxyContainer, tokenPath } from "./sidecar-container.ts";

/** What injection looks up in the cluster. */
export interface InjectionLookup {
  readonly namespace: KubernetesObject | undefined;
  hasMesh(name: string): boolean;
  /** Of the system namespace. */
  containerPatch(name: string): KubernetesObject | undefined;
  configMap(namespace: string, name: string): KubernetesObject | undefined;
}

export interface InjectedPod {
  readonly pod: Pod;
  /** For whoever wrote the pod. */
  readonly warnings: readonly string[];
}

/**
 * A pod with a proxy beside its application; undefined for one that is to stay as it is. `pod.metadata.namespace` has to be set.
 * @throws AnnotationError, InjectionError or TransparentProxyError with the reason why the pod cannot have one
 */
export function injectPod(pod: Pod, lookup: InjectionLookup, settings: InjectionSettings): InjectedPod | undefined {
  const mesh = meshToJoin(pod, lookup.namespace, settings);
  if (mesh === undefined) return undefined;
  if (!lookup.hasMesh(mesh)) throw new InjectionError(`Mesh "${mesh}", which the pod is to join, is not found`);
  const { annotations } = pod.metadata;
  const warnings = [...deprecationsOf(pod), ...checkUsers(pod, settings.sidecar.uid), ...overruledAnnotations(annotations, settings)];
  const patchNames = [...settings.containerPatches, ...(readList(annotations, annotation.containerPatches) ?? [])];
  const patches = loadPatches(patchNames, (name) => lookup.containerPatch(name));
  const sidecar = sidecarOf(pod, mesh, settings, patches.sidecar);
  const redirect = settings.transparentProxyConfigMap === "" ? redirectByAnnotations : redirectByConfigMap;
  const redirected = redirect(pod, lookup, settings);
  const first = redirected.container && patchContainer(redirected.container, patches.init);
  const { labels } = pod.metadata;
  const marked: Pod = {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { ...labels, [annotation.mesh]: mesh },
      annotations: { ...defaultContainer(pod), ...annotations, ...redirected.annotations },
    },
  };
  return { pod: withProbes(withContainers(marked, sidecar, first, settings)), warnings };
}

/** `kubectl logs` and `exec` mean the application, unless the pod says otherwise. */
const defaultContainer = ({ spec: { containers = [] } }: Pod): Record<string, string> =>
  containers.length === 1 ? { [annotation.defaultContainer]: containers[0]!.name } : {};

function sidecarOf(pod: Pod, mesh: string, settings: InjectionSettings, patches: NamedPatches): Container {
  const proxy = proxyContainer(pod.metadata.annotations, mesh, settings);
  const container: Container = {
    ...proxy,
    volumeMounts: [...tokenMount(pod), { name: volumes.sidecar, mountPath: "/tmp" }],
    securityContext: { ...proxy.securityContext, readOnlyRootFilesystem: true },
  };
  const patched = patchContainer(container, patches);
  if (!settings.nativeSidecars) return patched;
  // The kubelet ends it last, and tells it only then: until all else has ended, it drains.
  return { ...patched, restartPolicy: "Always", lifecycle: { preStop: { exec: { command: ["killall", "-USR2", "kuma-dp"] } } } };
}

/** The token by which the proxy proves who it is: of the volume that the pod names, else the one that its applications have. None is fine without mutual TLS. */
function tokenMount({ metadata, spec }: Pod): VolumeMount[] {
  const volume = metadata.annotations?.[annotation.tokenVolume];
  if (volume !== undefined) {
    if (!spec.volumes?.some(({ name }) => name === volume)) {
      throw new InjectionError(`volume (${volume}) specified for ${annotation.tokenVolume} but volume does not exist in pod spec`);
    }
    return [{ name: volume, readOnly: true, mountPath: tokenPath }];
  }
  const mounts = (spec.containers ?? []).flatMap(({ volumeMounts = [] }) => volumeMounts);
  return mounts.filter(({ mountPath }) => mountPath === tokenPath).slice(0, 1);
}

interface Redirect {
  readonly annotations: Readonly<Record<string, string>>;
  /** Makes the rules, or checks those of a CNI plugin. */
  readonly container: Container | undefined;
}

function redirectByAnnotations(pod: Pod, _lookup: InjectionLookup, settings: InjectionSettings): Redirect {
  const annotations = redirectAnnotations(pod.metadata.annotations, settings);
  const all = { ...pod.metadata.annotations, ...annotations };
  const args = redirectArguments(all);
  if (!settings.cni) return { annotations, container: initContainer(args, settings) };
  const isInboundRedirected = !args.includes("--redirect-inbound=false");
  const validated = { ipFamilyMode: all[annotation.ipFamilyMode] ?? "", inboundPort: settings.sidecar.redirectInboundPort };
  return { annotations, container: isInboundRedirected ? validationContainer(validated, settings) : undefined };
}

function redirectByConfigMap(pod: Pod, lookup: InjectionLookup, settings: InjectionSettings): Redirect {
  const given = pod.metadata.annotations;
  const config = redirectConfig(baseConfig(pod, lookup, settings), given, settings);
  const text = JSON.stringify(configDocument(config));
  const annotations = configAnnotations(config, given, settings);
  if (!config.cniMode) return { annotations, container: initContainer(["--config", text], settings) };
  const { enabled, port } = config.redirect.inbound;
  return {
    annotations: { ...annotations, [annotation.transparentProxyConfig]: text },
    container: enabled ? validationContainer({ ipFamilyMode: config.ipFamilyMode, inboundPort: port }, settings) : undefined,
  };
}

/** The ConfigMap that the pod names, in its own namespace or the system's; else that of the settings, without which the defaults hold. */
function baseConfig({ metadata }: Pod, lookup: InjectionLookup, settings: InjectionSettings): TransparentProxyConfig {
  const { systemNamespace, transparentProxyConfigMap } = settings;
  const namespace = metadata.namespace ?? "";
  const named = metadata.annotations?.[annotation.transparentProxyConfigMap];
  if (!named) return readConfigMap(lookup.configMap(systemNamespace, transparentProxyConfigMap)) ?? defaultConfig();
  const found = readConfigMap(lookup.configMap(namespace, named)) ?? readConfigMap(lookup.configMap(systemNamespace, named));
  if (found === undefined) {
    throw new InjectionError(`ConfigMap "${named}" not found in namespace "${namespace}" or system namespace "${systemNamespace}"`);
  }
  return found;
}

function readConfigMap(object: KubernetesObject | undefined): TransparentProxyConfig | undefined {
  const text = (object?.["data"] as Record<string, string> | undefined)?.["config.yaml"];
  return text ? readConfig(readYaml(text)) : undefined;
}

function withContainers(pod: Pod, sidecar: Container, first: Container | undefined, settings: InjectionSettings): Pod {
  const { containers = [], initContainers = [], ...spec } = pod.spec;
  const { nativeSidecars, ebpf } = settings;
  const initFirst = nativeSidecars || (readEnabled(pod.metadata.annotations, annotation.initFirst) ?? false);
  const init = first ? [first] : [];
  const before = [...(initFirst ? init : []), ...(nativeSidecars ? [sidecar] : []), ...initContainers, ...(initFirst ? [] : init)];
  const tmp = (name: string) => ({ name, emptyDir: { sizeLimit: "10M" } });
  const host = (name: string, path: string) => ({ name, hostPath: { path } });
  return {
    ...pod,
    spec: {
      ...spec,
      volumes: [
        ...(spec.volumes ?? []),
        tmp(volumes.init),
        tmp(volumes.sidecar),
        ...(ebpf.enabled ? [host(volumes.cgroup, ebpf.cgroupPath), host(volumes.bpfFs, ebpf.bpfFsPath)] : []),
      ],
      ...(before.length > 0 && { initContainers: before }),
      containers: [...(nativeSidecars ? [] : [sidecar]), ...containers],
    },
  };
}
