import { resourceDestination, serviceDestination } from "@atoll/policy";
import type { Destination, RouteBackend, Tags } from "@atoll/policy";
import type { MeshContext } from "../mesh-context.ts";
import { serviceTag, unresolvedBackend } from "../names.ts";
import type { Protocol } from "../protocol.ts";
import { portId } from "../services/real-service.ts";
import type { RealTarget } from "../services/real-service.ts";

/** What an outbound calls, or a route sends to: a service by its tags, or a port of a service that is a resource. */
export type Called = { kind: "service"; tags: Tags } | { kind: "resource"; target: RealTarget };

/** A backend that is not there: it has no cluster. */
export const nowhere: Called = { kind: "service", tags: { [serviceTag]: unresolvedBackend } };

export const isNowhere = (called: Called): boolean => called.kind === "service" && called.tags[serviceTag] === unresolvedBackend;

export const calledService = (tags: Tags): Called => ({ kind: "service", tags });

/** What people and dashboards know it by. */
export const nameOf = (called: Called): string =>
  called.kind === "service" ? (called.tags[serviceTag] ?? "") : called.target.port.cluster;

/** What logs call it: a service that is a resource by what its owner named it. */
export const loggedNameOf = (called: Called): string =>
  called.kind === "service" ? nameOf(called) : called.target.service.identity.displayName;

export const protocolOf = (context: MeshContext, called: Called): Protocol =>
  called.kind === "service" ? context.service(nameOf(called)).protocol : called.target.port.protocol;

/** How policies know what an outbound calls: of a service by tags, the service alone. */
export const destinationOf = (called: Called): Destination =>
  called.kind === "service" ? serviceDestination({ [serviceTag]: nameOf(called) }) : resourceDestination(portId(called.target));

/** A backend that is a service by its tags, whether or not anybody offers it. */
export const taggedBackend = ({ kind, name = "", tags, port }: RouteBackend): Called | undefined =>
  kind === "MeshServiceSubset" || (kind === "MeshService" && port === undefined)
    ? calledService({ [serviceTag]: name, ...tags })
    : undefined;

/** What a backend of a route means in the mesh; `nowhere` if it is not there. */
export function calledBackend(context: MeshContext, ref: RouteBackend): Called {
  const tagged = taggedBackend(ref);
  if (tagged) return context.knows(nameOf(tagged)) ? tagged : nowhere;
  const { kind, name, namespace, labels, port } = ref;
  const [service] = context.realServices.find(kind, { name, namespace, labels });
  // A MeshExternalService has one port, which a route need not name.
  const found = service?.ports.find((one) => one.port === port || (port === undefined && service.ports.length === 1));
  return service && found ? { kind: "resource", target: { service, port: found } } : nowhere;
}
