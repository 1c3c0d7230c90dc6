import type { Resource, TrafficPermissionSpec } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Tags } from "../selector.ts";
import { anyValue } from "../selector.ts";

/** Callers by the tags that their certificates name: all of `tags`. No tags: everybody. */
export interface Callers {
  tags: Tags;
}

/** Who may call. */
export interface Permission {
  /** Name of the policy, for whoever reads Envoy's statistics. */
  name: string;
  callers: Callers[];
}

function fromTrafficPermission([policy]: readonly Resource<TrafficPermissionSpec>[]): Permission {
  const { name, spec } = policy!;
  const exact = (match: Tags): Tags => Object.fromEntries(Object.entries(match).filter(([, value]) => value !== anyValue));
  return { name, callers: (spec.sources ?? []).map(({ match }) => ({ tags: exact(match ?? {}) })) };
}

/** Who may call a place. Nothing said: nobody. */
export const permission: InboundQuestion<Permission> = {
  legacy: { type: "TrafficPermission", acting: "best", conf: fromTrafficPermission },
};
