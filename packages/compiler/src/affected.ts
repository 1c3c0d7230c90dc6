import { parseKeyString, type KeyString } from "@atoll/resource";

/** What must be computed anew: some meshes, every mesh (an egress, an ingress or a zone changed), or nothing. */
export type Affected = { meshes: ReadonlySet<string> } | "all" | "none";

/** Kinds of global scope that reach into the configuration of every mesh. */
const everyMesh = new Set(["Zone", "ZoneIngress", "ZoneEgress"]);
/** Kinds no proxy's configuration is made of. */
const noMesh = new Set([
  "TokenVerificationKey",
  "GlobalSecret",
  "ZoneInsight",
  "ProxyRegistration",
  "ProxyStatus",
  "MeshInsight",
  "ServiceInsight",
]);

/** Meshes that a change of these keys can affect. `onlineChanged` says whether an insight's change is one of being online. */
export function affectedMeshes(
  keys: readonly KeyString[],
  onlineChanged: (key: { type: string; mesh: string; name: string }) => boolean,
): Affected {
  const meshes = new Set<string>();
  for (const text of keys) {
    const key = parseKeyString(text);
    if (noMesh.has(key.type)) continue;
    if (key.type.endsWith("Insight")) {
      if (!onlineChanged(key)) continue;
      if (key.mesh === "") return "all";
    }
    if (everyMesh.has(key.type)) return "all";
    meshes.add(key.type === "Mesh" ? key.name : key.mesh);
  }
  return meshes.size === 0 ? "none" : { meshes };
}

export function unite(a: Affected, b: Affected): Affected {
  if (a === "all" || b === "none") return a;
  if (b === "all" || a === "none") return b;
  return { meshes: new Set([...a.meshes, ...b.meshes]) };
}
