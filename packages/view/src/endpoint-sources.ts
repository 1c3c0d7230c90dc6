import type { PolicyChoice } from "@atoll/policy";
import { egressCallee, permission } from "@atoll/policy";
import { hostAndPort } from "@atoll/resource";
import type { ExternalServiceSpec, ZoneSpec } from "@atoll/resource";
import { inboundInterfaces, isBuiltinGateway } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import { serving } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ExternalService } from "./external-service.ts";
import type { MeshContext } from "./mesh-context.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { refOf } from "./reasons.ts";
import type { ResourceRef } from "./reasons.ts";
import type { Address } from "./zone-context.ts";

const textOf = ({ address, port }: Address): string => hostAndPort(address, port);

/** Whose instances, egresses and zones the endpoints of a cluster are. `upstream` is the mesh of the service. */
export function endpointSources(contexts: MeshContexts, upstream: MeshContext, endpoints: readonly Endpoint[]): ResourceRef[] {
  const called = serving(endpoints);
  const addresses = (via: Endpoint["via"]): Set<string> => new Set(called.filter((one) => one.via === via).map(textOf));
  const { zone, inputs } = contexts;
  const local = addresses("local");
  const dataplanes = local.size === 0 ? [] : upstream.dataplanes;
  const instances = dataplanes.flatMap((dataplane) =>
    listenAddresses(dataplane, local)
      .filter(({ address, port }) => zone.dial(address, port).some((at) => local.has(textOf(at))))
      .map((at) => refOf(dataplane, `at ${textOf(at)}`)),
  );
  const egress = addresses("egress");
  const egresses = egress.size === 0 ? [] : contexts.zone.proxies.egresses();
  const passing = egresses.flatMap((one) => {
    const { address, port } = one.spec.networking;
    return zone.dial(address, port).some((at) => egress.has(textOf(at))) ? [refOf(one, `at ${hostAndPort(address, port)}`)] : [];
  });
  const ingress = addresses("ingress");
  const zones = zone.remoteZones.flatMap(({ zone: name, ingresses }) => {
    const used = ingresses.map(textOf).filter((at) => ingress.has(at));
    if (used.length === 0) return [];
    const revision = inputs.config.get<ZoneSpec>("Zone", "", name)?.revision ?? 0;
    return [{ type: "Zone", mesh: "", name, revision, section: `ingress at ${used.join(", ")}` }];
  });
  return [...instances, ...passing, ...zones];
}

/** A gateway has no inbounds: its listeners are told by the port that is asked about. */
function listenAddresses(dataplane: Dataplane, wanted: ReadonlySet<string>): Address[] {
  const { address } = dataplane.spec.networking;
  if (!isBuiltinGateway(dataplane))
    return inboundInterfaces(dataplane).map(({ routableAddress, port }) => ({ address: routableAddress, port }));
  const ports = new Set([...wanted].map((text) => Number(text.slice(text.lastIndexOf(":") + 1))));
  return [...ports].map((port) => ({ address, port }));
}

/** The ExternalServices of these names. */
export const externalSources = (context: MeshContext, names: readonly string[]): ResourceRef[] =>
  context
    .resources<ExternalServiceSpec>("ExternalService")
    .filter(({ name }) => names.includes(name))
    .map((one) => refOf(one));

/** Who may dial an external service that proxies dial themselves: of the first that the proxy does dial, else of the first that `wanted` takes. */
export function dialPermission(
  context: MeshContext,
  dialled: readonly ExternalService[],
  wanted: (external: ExternalService) => boolean,
): PolicyChoice[] {
  const one = dialled[0] ?? context.externalServices.find(wanted);
  return one ? egressCallee(context, [one.tags]).answer(permission).account() : [];
}
