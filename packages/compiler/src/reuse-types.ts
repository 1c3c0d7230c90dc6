import type { EncodedResource, Snapshot } from "@atoll/xds";

/** Types whose resources are all as before keep their map, by which the session sees that there is nothing to compare. */
export function reuseTypes(before: Snapshot["resources"] | undefined, now: Snapshot["resources"]): Snapshot["resources"] {
  const reused = new Map<string, ReadonlyMap<string, EncodedResource>>(now);
  for (const [typeUrl, resources] of now) {
    const former = before?.get(typeUrl);
    if (former === resources || former?.size !== resources.size) continue;
    if ([...resources].every(([name, one]) => former.get(name) === one)) reused.set(typeUrl, former);
  }
  return reused;
}
