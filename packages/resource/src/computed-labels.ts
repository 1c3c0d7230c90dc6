import { isBuiltinGateway, isDelegatedGateway } from "./dataplane.ts";
import { kindOf } from "./kinds.ts";
import type { ResourceDraft } from "./resource.ts";
import type { DataplaneSpec } from "./specs/index.ts";
import { label } from "./tags.ts";

/** Where a resource is written by a client. */
export type WritePlace = { global: true } | { zone: string; environment?: "universal" | "kubernetes" };

/** The draft with the labels that every REST write adds to those of the request. */
export function withComputedLabels<Spec>(draft: ResourceDraft<Spec>, place: WritePlace): ResourceDraft<Spec> {
  const kind = kindOf(draft.type);
  const { labels: requested, ...unlabelled } = draft;
  const labels: Record<string, string> = { ...requested };
  if (kind?.scope === "mesh") labels[label.mesh] ??= draft.mesh;
  if ("zone" in place && kind?.writableOn.zone) {
    labels[label.origin] ??= "zone";
    if (labels[label.origin] !== "global") {
      labels[label.zone] ??= place.zone;
      labels[label.env] ??= place.environment ?? "universal";
    }
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
    case "Dataplane": {
      const spec = draft.spec as DataplaneSpec;
      return isBuiltinGateway(spec) || isDelegatedGateway(spec) ? "gateway" : "sidecar";
    }
    default:
      return undefined;
  }
}
