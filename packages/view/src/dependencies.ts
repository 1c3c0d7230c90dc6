import type { DataplaneSpec, MeshGatewaySpec, MeshGatewayRouteSpec } from "@atoll/resource";
import { callsByName } from "./dataplane.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { meshTag } from "./names.ts";
import type { ProxyRef } from "./proxy-ref.ts";

/**
 * Meshes whose changes can change the proxy's view; null = all of them. A zone proxy serves every mesh, a gateway with a
 * cross-mesh listener trusts the CA of every mesh, and whoever dials another mesh's gateway depends on that mesh.
 */
export function meshDependencies(contexts: MeshContexts, proxy: ProxyRef): ReadonlySet<string> | null {
  if (proxy.type !== "dataplane") return null;
  const { config, zoneResources } = contexts.inputs;
  const meshes = new Set([proxy.mesh]);
  const dataplane = zoneResources.get<DataplaneSpec>("Dataplane", proxy.mesh, proxy.name);
  const outbounds =
    dataplane && callsByName(dataplane)
      ? (contexts.mesh(proxy.mesh)?.virtualIps ?? []).flatMap((name) => name.outbounds)
      : (dataplane?.spec.networking.outbound ?? []);
  for (const { tags } of outbounds) {
    const mesh = tags?.[meshTag];
    if (mesh) meshes.add(mesh);
  }
  if (dataplane?.spec.networking.gateway?.type !== "BUILTIN") return meshes;
  const gateways = config.list<MeshGatewaySpec>("MeshGateway", proxy.mesh);
  if (gateways.some(({ spec }) => spec.conf.listeners.some(({ crossMesh }) => crossMesh))) return null;
  for (const { spec } of config.list<MeshGatewayRouteSpec>("MeshGatewayRoute", proxy.mesh)) {
    const rules = [...(spec.conf.http?.rules ?? []), ...(spec.conf.tcp?.rules ?? [])];
    for (const { destination } of rules.flatMap((rule) => rule.backends ?? [])) {
      const mesh = destination[meshTag];
      if (mesh) meshes.add(mesh);
    }
  }
  return meshes;
}
