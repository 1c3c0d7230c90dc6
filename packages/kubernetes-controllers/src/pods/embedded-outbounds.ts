import type { KubernetesObject, ObjectKey, Service } from "@atoll/kubernetes";
import { tag, type DataplaneInbound, type DataplaneOutbound, type DataplaneSpec } from "@atoll/resource";
import { isHeadless } from "./pod-services.ts";
import { keyOfServiceTag, portOfServiceTag, serviceLessPort } from "../service-tag.ts";

export interface OutboundInput {
  readonly podIp: string;
  /** Dataplanes of the pod's mesh in this cluster. */
  readonly dataplanes: readonly DataplaneSpec[];
  service(key: ObjectKey): KubernetesObject | undefined;
  /** Empty = all. */
  readonly reachableServices: readonly string[];
}

/** One outbound for each service at its cluster address; of a headless one, one for each instance. Ordered by service. */
export function embeddedOutbounds({ podIp, dataplanes, service, reachableServices }: OutboundInput): DataplaneOutbound[] {
  const instances = instancesByService(dataplanes);
  return [...instances.keys()].toSorted().flatMap((name): DataplaneOutbound[] => {
    if (reachableServices.length > 0 && !reachableServices.includes(name)) return [];
    const [key, port] = [keyOfServiceTag(name), portOfServiceTag(name)];
    if (key === undefined || port === undefined || port === serviceLessPort) return [];
    const found = service(key) as Service | undefined;
    if (found === undefined || found.spec.type === "ExternalName") return [];
    if (!isHeadless(found)) return [{ address: found.spec.clusterIP ?? "", port, tags: { [tag.service]: name } }];
    // The pod's own address would be both, inbound and outbound.
    const others = (instances.get(name) ?? []).filter(({ address }) => address !== podIp);
    return others.map(({ address, port: inboundPort, tags }) => ({
      address,
      port: inboundPort,
      tags: { [tag.instance]: tags[tag.instance] ?? "", [tag.service]: name },
    }));
  });
}

type Instance = Pick<DataplaneInbound, "port" | "tags"> & { address: string };

function instancesByService(dataplanes: readonly DataplaneSpec[]): Map<string, Instance[]> {
  const instances = new Map<string, Instance[]>();
  for (const { networking } of dataplanes) {
    for (const { state, tags, port, address } of networking.inbound ?? []) {
      const name = tags[tag.service];
      if (state === "Ignored" || name === undefined) continue;
      instances.set(name, [...(instances.get(name) ?? []), { port, tags, address: address || networking.address }]);
    }
  }
  return instances;
}
