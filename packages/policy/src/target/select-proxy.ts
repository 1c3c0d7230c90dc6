import { inboundAddressesOf, isBuiltinGateway, isDelegatedGateway, label } from "@atoll/resource";
import type { DataplaneSpec, MeshGatewaySpec, Resource } from "@atoll/resource";
import { matchesTags } from "../selector.ts";
import type { Tags } from "../selector.ts";
import { roleOf } from "./policy-order.ts";
import { displayNameOf, referencedId, resourceIdOf, resourceIdText } from "./resource-id.ts";
import type { MeshResources } from "./resolve-target.ts";
import { topOf } from "./target-ref.ts";
import type { TargetedPolicy, TargetRef } from "./target-ref.ts";

/** A proxy as policies select it: its Dataplane and, of a builtin gateway, the MeshGateway that configures it. */
export interface TargetProxy {
  dataplane: Resource<DataplaneSpec>;
  gateway?: Resource<MeshGatewaySpec> | undefined;
}

export interface Inbound {
  address: string;
  port: number;
}

export interface GatewayListener extends Inbound {
  /** `*` for any. */
  hostname: string;
}

/** What of a proxy a policy selects; undefined = nothing. */
export interface Selection {
  /** Inbounds of a sidecar, ports of a builtin gateway. */
  inbounds: Inbound[];
  listeners: GatewayListener[];
}

export const inboundText = ({ address, port }: Inbound): string => `${address}:${port}`;
export const listenerText = ({ address, port, hostname }: GatewayListener): string => `${address}:${port}:${hostname}`;

/** The reference is to something that is not there. */
export class UnresolvedTarget extends Error {}

/** Throws UnresolvedTarget if the policy is for a route that does not exist. */
export function selectProxy(policy: TargetedPolicy, proxy: TargetProxy, mesh: MeshResources): Selection | undefined {
  if (!ofItsZone(policy, proxy) || !ofItsNamespace(policy, proxy)) return undefined;
  const { dataplane, gateway } = proxy;
  const top = topOf(policy);
  switch (top.kind) {
    case "Mesh":
      return forProxyType(top, dataplane) ? byTags({}, proxy) : undefined;
    case "MeshSubset":
      return forProxyType(top, dataplane) ? byTags(top.tags ?? {}, proxy) : undefined;
    case "MeshService":
      return byTags({ "kuma.io/service": top.name ?? "" }, proxy);
    case "MeshServiceSubset":
      return byTags({ "kuma.io/service": top.name ?? "", ...top.tags }, proxy);
    case "Dataplane":
      return gateway || !isDataplane(top, policy, dataplane) ? undefined : bySection(top.sectionName, dataplane);
    case "MeshGateway": {
      const named = gateway && isBuiltinGateway(dataplane.spec) && displayNameOf(gateway) === top.name;
      return named ? byTags(top.tags ?? {}, proxy) : undefined;
    }
    case "MeshHTTPRoute":
      return selectProxy(routeOf(policy, top, mesh), proxy, mesh);
    default:
      throw new UnresolvedTarget(`unsupported targetRef kind '${top.kind}'`);
  }
}

/** The route that a policy is for. Throws UnresolvedTarget if there is none. */
export function routeOf(policy: TargetedPolicy, { name = "" }: TargetRef, mesh: MeshResources): TargetedPolicy {
  const route = mesh.resources("MeshHTTPRoute").find((one) => one.mesh === policy.mesh && displayNameOf(one) === name);
  if (!route) throw new UnresolvedTarget(`couldn't resolve MeshHTTPRoute targetRef with name '${name}'`);
  return route as TargetedPolicy;
}

/** A policy that was written in a zone is for that zone alone, unless it speaks for what it offers to everybody. */
function ofItsZone(policy: TargetedPolicy, { dataplane, gateway }: TargetProxy): boolean {
  if (roleOf(policy) === "producer") return true;
  const own = (gateway ?? dataplane).labels ?? {};
  const origin = own[label.origin];
  if (!origin || origin === "global") return true;
  const zone = policy.labels?.[label.zone];
  if (policy.labels?.[label.origin] !== "zone" || zone === undefined) return true;
  return origin === "zone" && (own[label.zone] === undefined || own[label.zone] === zone);
}

function ofItsNamespace(policy: TargetedPolicy, { dataplane }: TargetProxy): boolean {
  const role = roleOf(policy);
  if (role !== "consumer" && role !== "workload-owner") return true;
  const namespace = policy.labels?.[label.kubernetesNamespace];
  return namespace !== undefined && namespace === dataplane.labels?.[label.kubernetesNamespace];
}

function forProxyType({ proxyTypes = [] }: TargetRef, { spec }: Resource<DataplaneSpec>): boolean {
  return proxyTypes.length === 0 || proxyTypes.includes(spec.networking.gateway ? "Gateway" : "Sidecar");
}

function isDataplane(ref: TargetRef, policy: TargetedPolicy, dataplane: Resource<DataplaneSpec>): boolean {
  if (!ref.name && !ref.namespace && !ref.labels) return true;
  if (ref.name && resourceIdText(resourceIdOf(dataplane)) === resourceIdText(referencedId(policy, ref))) return true;
  return ref.labels !== undefined && Object.entries(ref.labels).every(([key, value]) => dataplane.labels?.[key] === value);
}

function bySection(sectionName: string | undefined, { spec }: Resource<DataplaneSpec>): Selection | undefined {
  const inbounds = (spec.networking.inbound ?? [])
    .filter(({ state, name }) => state !== "Ignored" && (!sectionName || name === sectionName))
    .map((inbound) => inboundAddressesOf(spec, inbound).listen);
  return inbounds.length > 0 ? { inbounds, listeners: [] } : undefined;
}

function byTags(wanted: Tags, { dataplane, gateway }: TargetProxy): Selection | undefined {
  const { spec } = dataplane;
  const inbounds: Inbound[] = (spec.networking.inbound ?? [])
    .filter(({ state, tags }) => state !== "Ignored" && matchesTags(wanted, tags))
    .map((inbound) => inboundAddressesOf(spec, inbound).listen);
  const listeners: GatewayListener[] = [];
  for (const { port, hostname, tags } of gateway?.spec.conf.listeners ?? []) {
    if (!matchesTags(wanted, { ...spec.networking.gateway?.tags, ...gateway?.spec.tags, ...tags })) continue;
    const { address } = spec.networking;
    if (!listeners.some((one) => one.port === port)) inbounds.push({ address, port });
    listeners.push({ address, port, hostname: hostname || "*" });
  }
  const delegated = isDelegatedGateway(spec) && matchesTags(wanted, spec.networking.gateway?.tags ?? {});
  return inbounds.length > 0 || delegated ? { inbounds, listeners } : undefined;
}
