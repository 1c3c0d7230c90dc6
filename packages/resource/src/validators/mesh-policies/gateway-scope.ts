import type { TargetRef } from "../../specs/plugin-policy.ts";

/** Whether gateways can be among the proxies that the reference of a policy selects; without one it is all of the mesh. */
export function includesGateways({ kind, proxyTypes = [] }: TargetRef = { kind: "Mesh" }): boolean {
  if (kind === "MeshGateway" || kind === "MeshHTTPRoute") return true;
  return (kind === "Mesh" || kind === "MeshSubset") && (proxyTypes.length === 0 || proxyTypes.includes("Gateway"));
}

export const notWithGateways =
  "must not be defined when the scope includes a Gateway, select only proxyType Sidecar or select only gateways and use spec.to";
