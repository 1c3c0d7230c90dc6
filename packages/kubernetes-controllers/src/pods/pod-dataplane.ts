import { annotation, AnnotationError, readUint32 } from "@atoll/kubernetes";
import { tag, type DataplaneGateway, type DataplaneOutbound, type DataplaneSpec } from "@atoll/resource";
import { inboundsOf, sorted, type InboundInput } from "./inbounds.ts";
import type { Owner } from "./owner-name.ts";
import { metricsOf } from "./pod-metrics.ts";
import { serviceTag } from "../service-tag.ts";
import { transparentProxyingOf } from "./transparent-proxying.ts";
import { virtualProbesOf } from "./virtual-probes.ts";

export interface PodDataplaneInput extends Omit<InboundInput, "ownerName"> {
  owner(): Owner;
  /** Written into the Dataplane; undefined where Services have names instead. */
  outbounds?(reachableServices: readonly string[]): DataplaneOutbound[];
}

/** The Dataplane of a pod with a sidecar. @throws AnnotationError, or an Error, with the reason why it has none */
export function podDataplane(input: PodDataplaneInput): DataplaneSpec {
  const { pod } = input;
  const { annotations } = pod.metadata;
  const transparentProxying = transparentProxyingOf(annotations);
  const gateway = annotations?.[annotation.gateway];
  const inbounds = { ...input, ownerName: () => input.owner().name };
  const outbound = input.outbounds?.(transparentProxying?.reachableServices ?? []) ?? [];
  const metrics = metricsOf(annotations);
  const probes = virtualProbesOf(pod);
  const adminPort = readUint32(annotations, annotation.envoyAdminPort);
  return {
    networking: {
      address: pod.status?.podIP ?? "",
      ...(gateway === undefined ? { inbound: inboundsOf(inbounds) } : { gateway: delegatedGateway(gateway, inbounds) }),
      ...(outbound.length > 0 && { outbound }),
      ...(transparentProxying && { transparentProxying }),
      ...(adminPort && { admin: { port: adminPort } }),
    },
    ...(metrics && { metrics }),
    ...(probes && { probes }),
  };
}

/** Whatever receives the traffic of a gateway that is not Atoll's is not told apart: it is known by its first inbound, and listens for itself. */
function delegatedGateway(kind: string, input: InboundInput & Pick<PodDataplaneInput, "owner">): DataplaneGateway {
  if (kind !== "enabled" && kind !== "provided") {
    throw new AnnotationError(`annotation "${annotation.gateway}": invalid delegated gateway type '${kind}'`);
  }
  if (kind === "provided") {
    const owner = input.owner();
    if (owner.kind === "Deployment") {
      const name = serviceTag({ namespace: input.pod.metadata.namespace ?? "", name: owner.name });
      return { tags: { [tag.service]: name, "kuma.io/service-name": name } };
    }
  }
  return { tags: inboundsOf(input)[0]!.tags };
}

/** The Dataplane of a pod that a MeshGatewayInstance made, or that says the same of itself. @throws AnnotationError */
export function builtinGatewayDataplane({ pod, zone }: Pick<PodDataplaneInput, "pod" | "zone">): DataplaneSpec {
  const text = pod.metadata.annotations?.[annotation.tags];
  if (text === undefined) throw new AnnotationError(`Missing ${annotation.tags} annotation on Pod serving a builtin Gateway`);
  const tags = readTags(text);
  if (tags === undefined) throw new AnnotationError(`Invalid ${annotation.tags} annotation on Pod serving a builtin Gateway`);
  const adminPort = readUint32(pod.metadata.annotations, annotation.envoyAdminPort);
  return {
    networking: {
      address: pod.status?.podIP ?? "",
      gateway: { type: "BUILTIN", tags: sorted({ ...tags, ...(zone !== "" && { [tag.zone]: zone }) }) },
      // Where the pod's probes ask.
      ...(adminPort && { admin: { port: adminPort } }),
    },
  };
}

function readTags(text: string): Record<string, string> | undefined {
  try {
    const tags: unknown = JSON.parse(text);
    const isMap = typeof tags === "object" && tags !== null && !Array.isArray(tags);
    return isMap && Object.values(tags).every((value) => typeof value === "string") ? (tags as Record<string, string>) : undefined;
  } catch {
    return undefined;
  }
}
