import { type Kind, label } from "@atoll/resource";
import type { Shown } from "./catalog.ts";
import type { ApiSettings } from "./ports.ts";
import { ApiError } from "./problem.ts";

/** Whose a resource is that this control plane shows; undefined: its own. */
function ownerOf({ zone, resource }: Shown, { mode, zone: own }: ApiSettings): string | undefined {
  if (mode === "global") return zone === undefined ? undefined : `zone "${zone}"`;
  if (zone === own) return undefined;
  const from = zone ?? resource.labels?.[label.zone];
  return from === undefined || from === own ? "global" : `zone "${from}"`;
}

/**
 * As `requireOwn`, for what is written: a name that the other side gave as it is, such as a Secret's, may be one that both have, and the
 * kind's own rules say so.
 */
export function requireOwnName(kind: Kind, shown: Shown | undefined, settings: ApiSettings): void {
  if (shown?.home.name !== shown?.resource.name) requireOwn(kind, shown, settings);
}

/**
 * What is shown here and was written on the other side is changed there alone: here a second one of its name would come to be.
 * @throws ApiError 405
 */
export function requireOwn(kind: Kind, shown: Shown | undefined, settings: ApiSettings): void {
  const owner = shown && ownerOf(shown, settings);
  if (owner === undefined) return;
  const { mesh, name } = shown!.resource;
  const what = `${kind.type} "${name}"${kind.scope === "mesh" ? ` of mesh "${mesh}"` : ""}`;
  throw new ApiError({ status: 405, title: "Method not allowed", detail: `${what} belongs to ${owner}: change it there` });
}
