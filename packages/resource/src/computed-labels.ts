import { isBuiltinGateway } from "./dataplane.ts";
import { kindOf } from "./kinds.ts";
import type { ResourceDraft } from "./resource.ts";
import type { DataplaneSpec } from "./specs/index.ts";
import { label } from "./tags.ts";

/** Where a resource is written by a client. */
export type WritePlace = { global: true } | { zone: string; environment?: "universal" | "kubernetes" };

/**
 * The draft with the labels that every write adds to those of the request. Those that say where it comes from are not the request's to
 * give: in a zone they are the zone's, on global what a zone would have is left out.
 */
export function withComputedLabels<Spec>(draft: ResourceDraft<Spec>, place: WritePlace): ResourceDraft<Spec> {
  const kind = kindOf(draft.type);
  const { labels: requested, ...unlabelled } = draft;
  const labels: Record<string, string> = { ...requested };
  if (kind?.scope === "mesh") labels[label.mesh] = draft.mesh;
  if ("zone" in place) {
    if (kind?.writableOn.zone) {
      labels[label.origin] = "zone";
      labels[label.zone] = place.zone;
      labels[label.env] ??= place.environment ?? "universal";
    }
  } else {
    delete labels[label.zone];
    if (labels[label.origin] !== "global") delete labels[label.origin];
  }
  const proxyType = proxyTypeOf(draft);
  if (proxyType) labels[label.proxyType] = proxyType;
  if (Object.keys(labels).length === 0) return unlabelled;
  return { ...draft, labels: sortedLabels(labels) };
}

export const sortedLabels = (labels: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function proxyTypeOf(draft: ResourceDraft): string | undefined {
  switch (draft.type) {
    case "ZoneIngress":
      return "zoneingress";
    case "ZoneEgress":
      return "zoneegress";
    case "Dataplane":
      // As in Kuma: the proxy of a delegated gateway is a sidecar of what somebody else runs.
      return isBuiltinGateway(draft.spec as DataplaneSpec) ? "gateway" : "sidecar";
    default:
      return undefined;
  }
}
