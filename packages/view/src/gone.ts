import { isOnline } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import type { Reader } from "./inputs.ts";

interface InsightSpec {
  subscriptions?: { connectTime?: string; disconnectTime?: string }[];
}

/** By its insight: every stream of the proxy has ended. One that was never seen is not gone: it may be served by nobody we know of. */
export const isOffline = (insight: Resource<InsightSpec> | undefined): boolean =>
  (insight?.spec.subscriptions ?? []).length > 0 && !isOnline(insight?.spec);

/** The same for a Dataplane or a zone proxy of this zone. */
export const isGone = (zoneResources: Reader, { type, mesh, name }: Pick<Resource, "type" | "mesh" | "name">): boolean =>
  isOffline(zoneResources.get<InsightSpec>(`${type}Insight`, mesh, name));
