import { type MeshSpec, type ResourceKey, isOnline, keyString } from "@atoll/resource";
import { scopeOfSigningKey } from "@atoll/token";
import type { ApiContext } from "./api-context.ts";
import type { WrittenDocument } from "./read-document.ts";

const some = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/**
 * What one deletion or write does far from where it is made, for whoever asks for it: keys that tokens are signed with, meshes and zones that
 * proxies are in.
 */
export function reachWarnings(
  { deletes, puts }: { deletes: readonly ResourceKey[]; puts: readonly { kind: { type: string }; document: WrittenDocument }[] },
  context: ApiContext,
): string[] {
  const { config } = context.options;
  const changedKeys = puts.flatMap(({ kind, document }) => {
    const key = { type: kind.type, mesh: document.mesh, name: document.name };
    if (scopeOfSigningKey(key) === undefined) return [];
    const before = config.get(key.type, key.mesh, key.name);
    return before === undefined || context.options.reveal(before) === (document.spec as { data?: string }).data ? [] : [key];
  });
  return [
    ...[...deletes, ...changedKeys].flatMap((key) => keyWarnings(key, context)),
    ...deletes.flatMap((key) => placeWarnings(key, context)),
    ...puts.flatMap(({ kind, document }) => (kind.type === "Mesh" ? meshWarnings(document, context) : [])),
  ];
}

/** A key that verifies no more. */
function keyWarnings(key: ResourceKey, { options }: ApiContext): string[] {
  const signing = scopeOfSigningKey(key);
  if (signing === undefined || options.config.get(key.type, key.mesh, key.name) === undefined) return [];
  if (signing.scope.kind === "user") return ["users whose tokens this key signed are refused from now on"];
  const warnings: string[] = [];
  const proxies = options.proxies?.tokenHolders?.(keyString(key)) ?? 0;
  if (proxies > 0) {
    const hold = some(proxies, "connected proxy has a token", "connected proxies have tokens");
    warnings.push(
      `${hold} of this key: each stays until its stream ends, and is refused when it comes again; give them tokens of another key. ` +
        "Where dpServer.authn.endStreamsOfDeletedKeys is set their streams end now",
    );
  }
  if (signing.scope.kind !== "zone") return warnings;
  const zones = options.config.list("Zone").filter(({ name }) => isOnline(options.zoneInsight?.(name))).length;
  if (zones > 0)
    warnings.push(`${some(zones, "zone is", "zones are")} connected: whose token this key signed is sent away now, until it has another`);
  return warnings;
}

function placeWarnings({ type, name }: ResourceKey, { catalog }: ApiContext): string[] {
  if (type !== "Mesh" && type !== "Zone") return [];
  const all = type === "Mesh" ? catalog.list("Dataplane", name) : catalog.list("Dataplane").filter(({ zone }) => zone === name);
  if (all.length === 0) return [];
  return [
    type === "Mesh"
      ? `${some(all.length, "dataplane loses its", "dataplanes lose their")} mesh`
      : `${some(all.length, "dataplane of the zone is", "dataplanes of the zone are")} called by nobody in other zones any more`,
  ];
}

/** mTLS that ends. */
function meshWarnings({ name, spec }: WrittenDocument, { options, catalog }: ApiContext): string[] {
  const backendOf = (mesh: MeshSpec | undefined) => mesh?.mtls?.enabledBackend ?? "";
  const before = backendOf(options.config.get<MeshSpec>("Mesh", "", name)?.spec);
  if (before === "" || backendOf(spec as MeshSpec) !== "") return [];
  const count = catalog.list("Dataplane", name).length;
  if (count === 0) return [];
  return [
    `mTLS of mesh "${name}" ends: what ${some(count, "dataplane says", "dataplanes say")} is not encrypted any more, nor who says it checked`,
  ];
}
