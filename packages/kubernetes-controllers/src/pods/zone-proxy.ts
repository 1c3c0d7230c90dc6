import { annotation, AnnotationError, readUint32, type Annotations, type Node, type Service } from "@atoll/kubernetes";
import type { ZoneEgressSpec, ZoneIngressSpec } from "@atoll/resource";
import { inboundsOf, type InboundInput } from "./inbounds.ts";

export interface ZoneProxyInput extends Omit<InboundInput, "ownerName"> {
  /** Of the cluster, in the order of their names. */
  readonly nodes: readonly Node[];
}

/** The ZoneIngress of a pod, without what the zone offers. @throws AnnotationError, or an Error, with the reason why there is none */
export function podZoneIngress(input: ZoneProxyInput): ZoneIngressSpec {
  const { networking, service } = zoneProxy(input, "ingress");
  const at = annotatedAddress(input.pod.metadata.annotations) ?? publicAddressOf(service, input.nodes);
  return { networking: { ...networking, ...(at && { advertisedAddress: at.address, advertisedPort: at.port }) } };
}

/** The ZoneEgress of a pod. @throws as podZoneIngress */
export const podZoneEgress = (input: ZoneProxyInput): ZoneEgressSpec => ({
  ...(input.zone !== "" && { zone: input.zone }),
  networking: zoneProxy(input, "egress").networking,
});

function zoneProxy(input: ZoneProxyInput, kind: "ingress" | "egress") {
  const { pod, services } = input;
  const [service] = services;
  if (service === undefined || services.length > 1)
    throw new Error(`${kind} should be matched by exactly one service. Matched ${services.length} services`);
  const inbounds = inboundsOf({ ...input, ownerName: () => pod.metadata.name });
  const [inbound] = inbounds;
  if (inbound === undefined || inbounds.length > 1) throw new Error(`generated ${inbounds.length} inbound interfaces, expected 1`);
  const adminPort = readUint32(pod.metadata.annotations, annotation.envoyAdminPort);
  return {
    service,
    networking: { address: pod.status?.podIP ?? "", port: inbound.port, ...(adminPort && { admin: { port: adminPort } }) },
  };
}

interface PublicAddress {
  address: string;
  port: number;
}

function annotatedAddress(annotations: Annotations): PublicAddress | undefined {
  const address = annotations?.[annotation.ingressPublicAddress];
  const port = readUint32(annotations, annotation.ingressPublicPort);
  if ((address === undefined) !== (port === undefined)) {
    throw new AnnotationError(`both ${annotation.ingressPublicAddress} and ${annotation.ingressPublicPort} has to be defined`);
  }
  return address !== undefined && port !== undefined ? { address, port } : undefined;
}

/** Where the cluster's Service is reached from outside; undefined where that is nowhere, or not known yet. */
function publicAddressOf({ spec, status }: Service, nodes: readonly Node[]): PublicAddress | undefined {
  const [port] = spec.ports ?? [];
  if (port === undefined) return undefined;
  switch (spec.type) {
    case "LoadBalancer": {
      const [balancer] = status?.loadBalancer?.ingress ?? [];
      const address = balancer?.ip || balancer?.hostname;
      return address ? { address, port: port.port } : undefined;
    }
    case "NodePort":
      return { address: nodeAddressOf(nodes), port: port.nodePort ?? 0 };
    default:
      return undefined;
  }
}

/** Any node leads to a NodePort. Clouds give some an address to the outside; in clusters on one machine the inner ones are reached, too. */
function nodeAddressOf(nodes: readonly Node[]): string {
  if (nodes.length === 0) throw new Error("there are no nodes");
  for (const type of ["ExternalIP", "InternalIP"]) {
    for (const { status } of nodes) {
      const found = status?.addresses?.find((candidate) => candidate.type === type);
      if (found) return found.address;
    }
  }
  throw new Error("could not find valid Node address for Ingress publicAddress");
}
