import { contentVersion } from "./encode-resource.ts";
import type { HeldResource } from "./push.ts";

/** Of all resources of a type together, for state of the world. */
export function wholeVersion(resources: Iterable<readonly [string, HeldResource]>): string {
  const lines = Array.from(resources, ([name, { version }]) => `${name} ${version}\n`);
  return contentVersion(lines.toSorted().join(""));
}
