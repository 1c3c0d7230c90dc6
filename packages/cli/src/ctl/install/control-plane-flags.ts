import type { Command } from "commander";
import { mergeValues, type Values } from "@atoll/chart";
import { keyValues } from "../../input/flag-values.ts";

/** A flag of kumactl and the value of the chart that it sets. */
interface ValueFlag {
  flag: string;
  about: string;
  path: string;
  kind?: "text" | "boolean" | "map";
}

/** kumactl's, in its words. */
export const valueFlags: readonly ValueFlag[] = [
  { flag: "registry", about: "registry for all images", path: "global.image.registry" },
  { flag: "image-pull-policy", about: "image pull policy that applies to all components", path: "controlPlane.image.pullPolicy" },
  { flag: "control-plane-registry", about: "registry for the image of the control plane", path: "controlPlane.image.registry" },
  { flag: "control-plane-repository", about: "repository for the image of the control plane", path: "controlPlane.image.repository" },
  { flag: "control-plane-version", about: "version of the image of the control plane", path: "controlPlane.image.tag" },
  { flag: "control-plane-service-name", about: "Service name of the control plane", path: "controlPlane.service.name" },
  {
    flag: "tls-general-secret",
    about: "Secret that contains tls.crt, tls.key [and ca.crt] for protecting in-cluster communication",
    path: "controlPlane.tls.general.secretName",
  },
  {
    flag: "tls-general-ca-secret",
    about: "Secret that contains ca.crt that was used to sign that certificate",
    path: "controlPlane.tls.general.caSecretName",
  },
  { flag: "tls-general-ca-bundle", about: "base64 encoded CA certificate of it", path: "controlPlane.tls.general.caBundle" },
  {
    flag: "tls-api-server-secret",
    about: "Secret that contains tls.crt, tls.key for protecting the API on HTTPS",
    path: "controlPlane.tls.apiServer.secretName",
  },
  {
    flag: "tls-api-server-client-certs-secret",
    about: "Secret that contains list of .pem certificates that can access admin endpoints of the API on HTTPS",
    path: "controlPlane.tls.apiServer.clientCertsSecretName",
  },
  {
    flag: "tls-kds-global-server-secret",
    about: "Secret that contains tls.crt, tls.key for protecting cross cluster communication",
    path: "controlPlane.tls.kdsGlobalServer.secretName",
  },
  {
    flag: "tls-kds-zone-client-secret",
    about: "Secret that contains ca.crt that global's certificate is verified with",
    path: "controlPlane.tls.kdsZoneClient.secretName",
  },
  { flag: "injector-failure-policy", about: "failure policy of the injector's webhook", path: "controlPlane.injectorFailurePolicy" },
  { flag: "control-plane-node-selector", about: "node selector for the control plane", path: "controlPlane.nodeSelector", kind: "map" },
  { flag: "env-var", about: "environment variables of the control plane", path: "controlPlane.envVars", kind: "map" },
  { flag: "dataplane-registry", about: "registry for the image of the data plane", path: "dataPlane.image.registry" },
  { flag: "dataplane-repository", about: "repository for the image of the data plane", path: "dataPlane.image.repository" },
  { flag: "dataplane-version", about: "version of the image of the data plane", path: "dataPlane.image.tag" },
  { flag: "dataplane-init-registry", about: "registry for the init image of the data plane", path: "dataPlane.initImage.registry" },
  { flag: "dataplane-init-repository", about: "repository for the init image of the data plane", path: "dataPlane.initImage.repository" },
  { flag: "dataplane-init-version", about: "version of the init image of the data plane", path: "dataPlane.initImage.tag" },
  { flag: "kds-global-address", about: "URL of global (example: grpcs://192.168.0.1:5685)", path: "controlPlane.kdsGlobalAddress" },
  { flag: "cni-enabled", about: "install with CNI instead of proxy init container", path: "cni.enabled", kind: "boolean" },
  { flag: "cni-chained", about: "enable chained CNI installation", path: "cni.chained", kind: "boolean" },
  { flag: "cni-net-dir", about: "set the CNI install directory", path: "cni.netDir" },
  { flag: "cni-bin-dir", about: "set the CNI binary directory", path: "cni.binDir" },
  { flag: "cni-conf-name", about: "set the CNI configuration name", path: "cni.confName" },
  { flag: "cni-node-selector", about: "node selector for CNI deployment", path: "cni.nodeSelector", kind: "map" },
  { flag: "mode", about: "standalone, zone or global", path: "controlPlane.mode" },
  { flag: "zone", about: "set the zone name", path: "controlPlane.zone" },
  { flag: "ingress-enabled", about: "install with an Ingress deployment", path: "ingress.enabled", kind: "boolean" },
  { flag: "ingress-drain-time", about: "drain time for Envoy proxy", path: "ingress.drainTime" },
  { flag: "ingress-node-selector", about: "node selector for Zone Ingress", path: "ingress.nodeSelector", kind: "map" },
  { flag: "egress-enabled", about: "install with an Egress deployment", path: "egress.enabled", kind: "boolean" },
  { flag: "egress-drain-time", about: "drain time for Envoy proxy", path: "egress.drainTime" },
  {
    flag: "egress-service-type",
    about: "the type for the Egress Service (ie. ClusterIP, NodePort, LoadBalancer)",
    path: "egress.service.type",
  },
  { flag: "egress-node-selector", about: "node selector for Zone Egress", path: "egress.nodeSelector", kind: "map" },
  { flag: "hooks-node-selector", about: "node selector for Helm hooks", path: "hooks.nodeSelector", kind: "map" },
];

/** One version for every image. */
const versionedImages = ["controlPlane.image", "dataPlane.image", "dataPlane.initImage"];

export function addValueFlags(command: Command): void {
  for (const { flag, about, kind = "text" } of valueFlags) {
    if (kind === "boolean") command.option(`--${flag}`, about);
    else if (kind === "map") command.option(`--${flag} <key=value>`, about, (value: string, before: string[] = []) => [...before, value]);
    else command.option(`--${flag} <text>`, about);
  }
}

/** The values of the chart that flags say; those that were not given say nothing. */
export function valuesOfFlags(flags: Readonly<Record<string, unknown>>): Values {
  let values: Values = {};
  const put = (path: string, value: unknown) => {
    values = mergeValues(values, path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Values);
  };
  if (flags["version"] !== undefined) for (const image of versionedImages) put(`${image}.tag`, flags["version"]);
  for (const { flag, path, kind } of valueFlags) {
    const value = flags[flag.replace(/-([a-z])/g, (_whole, letter: string) => letter.toUpperCase())];
    if (value === undefined) continue;
    put(path, kind === "map" ? keyValues(value as string[], `--${flag}`) : value);
    if (flag === "image-pull-policy") put("dataPlane.image.pullPolicy", value);
  }
  return values;
}

/** Those that count for more than a values file. */
export function nodePortValues(flags: Readonly<Record<string, unknown>>): Values {
  const service = { type: "NodePort" };
  return {
    ...(flags["useNodePort"] === true && flags["mode"] === "global" && { controlPlane: { globalZoneSyncService: service } }),
    ...(flags["ingressUseNodePort"] === true && { ingress: { service } }),
  };
}
