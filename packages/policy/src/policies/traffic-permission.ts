import type { Resource, TrafficPermissionSpec } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { Tags } from "../selector.ts";
import { anyValue } from "../selector.ts";
import type { TagRule } from "../target/tag-rules.ts";

/** Callers by the tags that their certificates name: all of `tags` and none of `not`. Neither: everybody. */
export interface Callers {
  tags: Tags;
  not?: { key: string; value: string }[];
}

/** Who may call. */
export interface Permission {
  /** Name of the policy, for whoever reads Envoy's statistics. */
  name: string;
  callers: Callers[];
  /** Who may call as yet: it is counted whom it would hit to forbid it. */
  shadowDenied?: Callers[];
  /** Requests of others get 403 where the place speaks HTTP; else their connections are closed. */
  refuses?: "requests";
}

function fromTrafficPermission([policy]: readonly Resource<TrafficPermissionSpec>[]): Permission {
  const { name, spec } = policy!;
  const exact = (match: Tags): Tags => Object.fromEntries(Object.entries(match).filter(([, value]) => value !== anyValue));
  return { name, callers: (spec.sources ?? []).map(({ match }) => ({ tags: exact(match ?? {}) })) };
}

/** Rules stand beside each other, so that each says by negations what it leaves to the others. What is denied is not allowed. */
function fromMeshTrafficPermissions(rules: readonly TagRule[]): Permission {
  const withAction = (...actions: string[]): Callers[] =>
    rules.filter(({ conf }) => actions.includes((conf as { action?: string }).action ?? "")).map(callersOf);
  const shadowDenied = withAction("AllowWithShadowDeny");
  return {
    name: "MeshTrafficPermission",
    callers: withAction("Allow", "AllowWithShadowDeny"),
    ...(shadowDenied.length > 0 ? { shadowDenied } : {}),
    refuses: "requests",
  };
}

function callersOf({ subset }: TagRule): Callers {
  const not = subset.filter((one) => one.not).map(({ key, value }) => ({ key, value }));
  const tags = Object.fromEntries(subset.filter((one) => !one.not).map(({ key, value }) => [key, value]));
  return { tags, ...(not.length > 0 ? { not } : {}) };
}

/** Who may call a place. Nothing said: nobody. */
export const permission: InboundQuestion<Permission> = {
  legacy: { type: "TrafficPermission", acting: "best", conf: fromTrafficPermission },
  targeted: { type: "MeshTrafficPermission", by: "caller", conf: fromMeshTrafficPermissions },
};

/** Whether somebody with one of these tag sets is among those who may call. Nothing said: nobody is. */
export const mayCall = (said: Permission | undefined, tagSets: readonly Tags[]): boolean =>
  said?.callers.some(({ tags, not = [] }) =>
    tagSets.some(
      (own) => Object.entries(tags).every(([key, value]) => own[key] === value) && not.every(({ key, value }) => own[key] !== value),
    ),
  ) ?? false;
