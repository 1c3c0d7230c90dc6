import type { MeshSpec, Resource } from "@atoll/resource";
import type { ConnectionPolicy } from "../policy-resource.ts";
import type { TagRule } from "../target/tag-rules.ts";
import type { PolicyMesh } from "./policy-mesh.ts";
import type { Precedence } from "./answer.ts";

/**
 * A question that a view asks, such as "which timeouts has this outbound", with what either family needs to answer it. The answer has
 * one form. One constant for each policy and place; who asks knows neither type nor form of the policies.
 */
export interface Question<Conf> {
  /** The policy with sources and destinations, and what its spec means. */
  legacy?: { type: string; conf: (policy: Resource<never>, mesh: PolicyMesh) => Conf | undefined };
  /** The policy with a targetRef, and what its merged configuration means. */
  targeted?: { type: string; conf: (conf: never, mesh: PolicyMesh, sources: RuleSources) => Conf | undefined };
  /** Absent: the one with a targetRef alone. */
  precedence?: Precedence<Conf>;
}

/** Which policies a configuration was merged from. */
export type RuleSources = Pick<TagRule, "origins" | "backends">;

export type LegacyPolicy = Resource<ConnectionPolicy["spec"]>;

const converted = new WeakMap<object, Map<object, { of: Resource<MeshSpec>; value: unknown }>>();

/** What a question's conversion makes of a policy or a configuration in a mesh, once for each: equal objects then stay one object. */
export function convertOnce<From extends object, Conf, More extends unknown[]>(
  convert: (from: never, mesh: PolicyMesh, ...more: More) => Conf,
  from: From,
  mesh: PolicyMesh,
  ...more: More
): Conf {
  let made = converted.get(from);
  if (!made) converted.set(from, (made = new Map()));
  const { mesh: of } = mesh;
  let known = made.get(convert);
  if (known?.of !== of) {
    const value = (convert as (from: From, mesh: PolicyMesh, ...more: More) => Conf)(from, mesh, ...more);
    made.set(convert, (known = { of, value }));
  }
  return known.value as Conf;
}
