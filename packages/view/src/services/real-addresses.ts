import { callsByName, inboundInterfaces } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { RealService, RealTarget } from "./real-service.ts";

export interface RealAddress {
  address: string;
  port: number;
  to: RealTarget;
}

const defaultAddress = "127.0.0.1";

/**
 * Where a dataplane calls services that are resources: the outbounds it lists with a `backendRef`; or, transparently proxied, the virtual IP
 * of each, of which `reachableBackends`, or a mesh that asks for these, may leave some out. What does not exist has no address.
 */
export function realAddresses(dataplane: Dataplane, context: MeshContext): RealAddress[] {
  const { outbound = [] } = dataplane.spec.networking;
  if (!callsByName(dataplane)) {
    return outbound.flatMap(({ address = defaultAddress, port, backendRef }) => {
      if (!backendRef) return [];
      const [service] = context.realServices.find(backendRef.kind, backendRef);
      const called = service?.ports.find((one) => one.port === (backendRef.port || service.ports[0]?.port));
      return service && called ? [{ address, port, to: { service, port: called } }] : [];
    });
  }
  const own = new Set(
    inboundInterfaces(dataplane).flatMap((one) => [`${one.address}:${one.port}`, `${one.workloadAddress}:${one.workloadPort}`]),
  );
  return reachableTargets(dataplane, context).flatMap((to) => {
    const address = to.service.vip;
    const { port } = to.port;
    return address === undefined || own.has(`${address}:${port}`) ? [] : [{ address, port, to }];
  });
}

function reachableTargets(dataplane: Dataplane, context: MeshContext): readonly RealTarget[] {
  const { reachableBackends, reachableServices = [] } = dataplane.spec.networking.transparentProxying ?? {};
  if (reachableBackends) {
    const chosen = new Map<string, RealTarget>();
    for (const { kind, port, ...ref } of reachableBackends.refs ?? []) {
      for (const target of context.realServices.find(kind, ref).flatMap(targetsOf)) {
        if (!port || target.port.port === port) chosen.set(target.port.cluster, target);
      }
    }
    return [...chosen.values()];
  }
  // Who named the services it calls, the older way, calls no others.
  if (context.meshServicesMode === "ReachableBackends" || reachableServices.length > 0) return [];
  return context.realServices.all.flatMap(targetsOf);
}

const targetsOf = (service: RealService): RealTarget[] => service.ports.map((port) => ({ service, port }));

/** Names of the services that have one of these addresses. */
export const namedAddresses = (context: MeshContext, addresses: ReadonlySet<string>): { address: string; domains: readonly string[] }[] =>
  context.realServices.all.flatMap(({ vip, domains }) => (vip !== undefined && addresses.has(vip) ? [{ address: vip, domains }] : []));
