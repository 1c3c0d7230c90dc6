import type { Tags } from "@atoll/policy";
import { inboundAddressesOf, isBuiltinGateway as isBuiltin, isHealthyInbound, tagSetsOf } from "@atoll/resource";
import type { DataplaneSpec, Resource } from "@atoll/resource";
import { serviceTag } from "./names.ts";

export type Dataplane = Resource<DataplaneSpec>;

/** Port of an inbound that stands for "no service here": it gets no listener and no endpoint. */
const serviceLessPort = 49151;

/** An inbound with every default filled in. */
export interface InboundInterface {
  address: string;
  port: number;
  /** Where others dial it. */
  routableAddress: string;
  workloadAddress: string;
  workloadPort: number;
  tags: Tags;
  healthy: boolean;
}

/** Inbounds that exist for the mesh: not those marked Ignored, nor the placeholder of a workload without a service. */
export function inboundInterfaces({ spec }: Dataplane): InboundInterface[] {
  return (spec.networking.inbound ?? [])
    .filter((inbound) => inbound.state !== "Ignored" && inbound.port !== serviceLessPort)
    .map((inbound) => {
      const { listen, application, routable } = inboundAddressesOf(spec, inbound);
      return {
        ...listen,
        routableAddress: routable.address,
        workloadAddress: application.address,
        workloadPort: application.port,
        tags: inbound.tags,
        healthy: isHealthyInbound(inbound),
      };
    });
}

/** Every tag set that stands for this dataplane in policies. */
export const tagSets = ({ spec }: Dataplane): Tags[] => tagSetsOf(spec);

/** All services of the proxy, sorted. */
export function services(dataplane: Dataplane): string[] {
  const names = tagSets(dataplane).flatMap((tags) => tags[serviceTag] ?? []);
  return [...new Set(names)].sort();
}

export const isBuiltinGateway = ({ spec }: Dataplane): boolean => isBuiltin(spec);

/** True if the workload calls others by the names of the mesh, and not by outbounds that its Dataplane lists. */
export const callsByName = ({ spec }: Dataplane): boolean => spec.networking.transparentProxying !== undefined;

/** True if Envoy receives all of the workload's traffic, so that its listeners do not bind. */
export function isTransparent({ spec }: Dataplane): boolean {
  const proxying = spec.networking.transparentProxying;
  return Boolean(proxying?.redirectPortInbound && proxying.redirectPortOutbound);
}
