import { label } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import { referencedId, resourceIdOf, resourceIdText } from "./resource-id.ts";
import type { TargetRef } from "./target-ref.ts";

/** Reads the resources of one mesh, by type, sorted by name. Of `Mesh` it has the mesh itself. */
export interface MeshResources {
  resources: (type: string) => readonly Resource[];
}

/** A resource, or one of its ports. */
export interface ResourceSection {
  resource: Resource;
  /** "" = all of it. */
  sectionName: string;
}

interface Port {
  name?: string;
  port?: number;
}

/** Ports that a reference may choose from; undefined for kinds that are taken as a whole. */
function portsOf({ type, spec }: Resource): Port[] | undefined {
  if (type !== "MeshService" && type !== "MeshMultiZoneService") return undefined;
  return (spec as { spec?: { ports?: Port[] } }).spec?.ports ?? [];
}

/** A port's own name, or its number where it has none. */
export const portName = ({ name, port }: Port): string => name || String(port ?? 0);

/** What a reference in a policy means: a resource by its name, every resource by labels. Those that are not there are left out. */
export function resolveTarget(policy: Resource, ref: TargetRef, mesh: MeshResources): ResourceSection[] {
  if (ref.kind === "MeshSubset" || ref.kind === "MeshServiceSubset") return [];
  const kubernetes = ref.kind === "MeshService" && !ref.sectionName ? kubernetesService(ref.name ?? "") : undefined;
  const labels = kubernetes?.labels ?? (Object.keys(ref.labels ?? {}).length > 0 ? ref.labels : undefined);
  const all = mesh.resources(ref.kind);
  const wanted = labels ? "" : resourceIdText(referencedId(policy, ref));
  const found = all.filter((one) => (labels ? hasLabels(one, labels) : resourceIdText(resourceIdOf(one)) === wanted));
  const some = labels ? found : found.slice(0, 1);
  if (!ref.sectionName && !kubernetes?.port) return some.map((resource) => ({ resource, sectionName: "" }));
  return some.flatMap((resource): ResourceSection[] => {
    const ports = portsOf(resource);
    if (!ports) return [{ resource, sectionName: "" }];
    const port = kubernetes?.port
      ? ports.find((one) => one.port === kubernetes.port)
      : ports.find((one) => one.name === ref.sectionName || (!one.name && String(one.port) === ref.sectionName));
    return port ? [{ resource, sectionName: portName(port) }] : [];
  });
}

const hasLabels = ({ labels = {} }: Resource, wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** `backend_shop_svc_8080` names, in policies from before there were MeshServices, port 8080 of the Service `backend` in `shop`. */
function kubernetesService(name: string): { labels: Record<string, string>; port?: number } | undefined {
  const parts = name.split("_");
  if (parts.length !== 3 && parts.length !== 4) return undefined;
  const labels = { [label.kubernetesNamespace]: parts[1]!, [label.displayName]: parts[0]! };
  if (parts.length === 3) return { labels };
  return /^[+-]?\d+$/.test(parts[3]!) ? { labels, port: Number(parts[3]) } : undefined;
}
