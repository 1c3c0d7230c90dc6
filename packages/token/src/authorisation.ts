import type { DataplaneClaims, ZoneClaims, ZoneScope } from "./claims.ts";

/** The part of a Dataplane that a token speaks about. */
export interface AuthorisedDataplane {
  mesh: string;
  name: string;
  spec: {
    networking?: {
      inbound?: readonly { tags?: Readonly<Record<string, string>> }[];
      gateway?: { tags?: Readonly<Record<string, string>> };
    };
  };
}

export type Permission = { allowed: true } | { allowed: false; reason: string };

const allowed: Permission = { allowed: true };
const refused = (reason: string): Permission => ({ allowed: false, reason });

function valuesOfTag({ spec: { networking } }: AuthorisedDataplane, tag: string): Set<string> {
  const sets = [...(networking?.inbound ?? []), ...(networking?.gateway === undefined ? [] : [networking.gateway])];
  return new Set(sets.flatMap(({ tags }) => (tags !== undefined && Object.hasOwn(tags, tag) ? [tags[tag] ?? ""] : [])));
}

/**
 * Whether a dataplane token lets its bearer be this dataplane: name and mesh must be equal where the token names them, and of each
 * tag that the token lists the dataplane must have at least one value, all of them listed.
 */
export function dataplaneTokenAllows(claims: DataplaneClaims, dataplane: AuthorisedDataplane): Permission {
  if (claims.name !== "" && claims.name !== dataplane.name)
    return refused(`the token is for dataplane "${claims.name}", not "${dataplane.name}"`);
  if (claims.mesh !== "" && claims.mesh !== dataplane.mesh)
    return refused(`the token is for mesh "${claims.mesh}", not "${dataplane.mesh}"`);
  for (const [tag, values] of Object.entries(claims.tags)) {
    const present = valuesOfTag(dataplane, tag);
    if (present.size === 0) return refused(`the token requires tag "${tag}", which the dataplane does not have`);
    for (const value of present) {
      if (!values.includes(value))
        return refused(`the token allows tag "${tag}" with ${values.map((v) => `"${v}"`).join(", ")}, not "${value}"`);
    }
  }
  return allowed;
}

/** Whether a zone token lets its bearer act in `scope` for `zone`. A token that names no zone is for every zone. */
export function zoneTokenAllows(claims: ZoneClaims, { zone, scope }: { zone: string; scope: ZoneScope }): Permission {
  if (claims.zone !== "" && claims.zone !== zone) return refused(`the token is for zone "${claims.zone}", not "${zone}"`);
  if (!claims.scope.includes(scope))
    return refused(`the token's scope is ${claims.scope.map((s) => `"${s}"`).join(", ")}; "${scope}" is needed`);
  return allowed;
}
