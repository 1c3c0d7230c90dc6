import type { PolicyChoice } from "@atoll/policy";
import type { Resource } from "@atoll/resource";

/** A resource that something is made from. */
export interface ResourceRef {
  type: string;
  /** "" for resources outside of meshes. */
  mesh: string;
  name: string;
  /** Of the configuration; for Dataplanes and zone proxies, of their zone's log. 0 = not known here. */
  revision: number;
  /** Which part of it, in words. */
  section?: string;
}

/** Why a part of a view is as it is. */
export interface Reasons {
  from: ResourceRef[];
  policies: PolicyChoice[];
}

export const refOf = ({ type, mesh, name, revision }: Resource, section?: string): ResourceRef => ({
  type,
  mesh,
  name,
  revision,
  ...(section === undefined ? {} : { section }),
});

/** Tells a resource of one type and mesh, as it is now, from all others: for keys of what is made from it. */
export const identityOf = (resource: { name: string; revision: number } | undefined): string =>
  resource ? `${resource.name}@${resource.revision}` : "";

/** What of its mesh a cluster depends on. */
export function meshSection({ mtls, zoneEgress, locality }: { mtls: string; zoneEgress: boolean; locality: { aware: boolean } }): string {
  const parts = [
    mtls === "off" ? "no mTLS" : `mTLS ${mtls}`,
    ...(zoneEgress ? ["zoneEgress"] : []),
    ...(locality.aware ? ["locality aware"] : []),
  ];
  return parts.join(", ");
}
