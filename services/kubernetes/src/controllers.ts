import type { Place } from "@atoll/kubernetes";
import { type InjectionSettings, proxyContainer } from "@atoll/kubernetes-admission";
import {
  type Controller,
  gatewayApiControllers,
  gatewayInstanceController,
  meshServiceController,
  networkAttachmentController,
  podController,
  type ProxyContainer,
  serviceUpstreamController,
} from "@atoll/kubernetes-controllers";
import type { KubernetesSettings } from "./settings.ts";

/** The controllers of a cluster that is a zone: global has no pods of the mesh. */
export function controllersOf(
  settings: KubernetesSettings,
  { mode, zone, systemNamespace }: Place,
  injection: InjectionSettings,
): Controller[] {
  if (mode === "global") return [];
  const { ignoredServiceSelectorLabels, nodeLabelsToCopy } = settings.runtime.kubernetes.injector;
  const now = () => new Date();
  return [
    podController({ zone, systemNamespace, ignoredServiceSelectorLabels, nodeLabelsToCopy, embeddedOutbounds: false }),
    meshServiceController,
    serviceUpstreamController,
    networkAttachmentController,
    gatewayInstanceController({
      proxyContainer: (annotations, mesh) => proxyContainer(annotations, mesh, injection) as unknown as ProxyContainer,
      now,
    }),
    ...gatewayApiControllers({ systemNamespace, zone, now }),
  ];
}
