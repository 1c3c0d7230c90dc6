import { isOffline } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import type { Reader } from "./inputs.ts";

/** Every stream of a Dataplane or zone proxy of this zone has ended. */
export const isGone = (zoneResources: Reader, { type, mesh, name }: Pick<Resource, "type" | "mesh" | "name">): boolean =>
  isOffline(zoneResources.get<Parameters<typeof isOffline>[0]>(`${type}Insight`, mesh, name)?.spec);
