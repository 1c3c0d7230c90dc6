import { sortedLabels } from "./computed-labels.ts";
import type { Resource } from "./resource.ts";
import { syncedName } from "./synced-name.ts";
import { label } from "./tags.ts";

/** Kinds whose names stay the same in every zone (controlplane.md 4.7). */
const sameNameEverywhere = new Set(["Mesh", "Secret", "GlobalSecret", "Zone"]);

type Copied = Pick<Resource, "type" | "mesh" | "name" | "labels">;

/** The name and labels under which global, and through it other zones, know what a zone has. */
export function copyFromZone({ mesh, name, labels: own }: Copied, zone: string): { name: string; labels: Record<string, string> } {
  const labels = sortedLabels({ [label.displayName]: name, ...own, [label.origin]: "zone", [label.zone]: zone });
  return { name: syncedName(mesh, labels[label.displayName]!, zone, labels[label.kubernetesNamespace]), labels };
}

/** The name and labels under which a zone knows what another zone has: it comes from global, which has it from there. */
export function copyFromOtherZone(resource: Copied, zone: string): { name: string; labels: Record<string, string> } {
  const { name, labels } = copyFromZone(resource, zone);
  return { name, labels: sortedLabels({ ...labels, [label.origin]: "global" }) };
}

/** The name and labels under which a zone knows what global has. */
export function copyFromGlobal({ type, mesh, name, labels: own }: Copied): { name: string; labels: Record<string, string> } {
  // Only a name that changes on its way needs the one it had.
  const renamed = !sameNameEverywhere.has(type);
  const labels = sortedLabels({ ...(renamed && { [label.displayName]: name }), ...own, [label.origin]: "global" });
  if (!renamed) return { name, labels };
  return { name: syncedName(mesh, labels[label.displayName]!, labels[label.zone], labels[label.kubernetesNamespace]), labels };
}
