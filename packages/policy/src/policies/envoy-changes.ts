import type { MeshProxyPatchModification, ProxyTemplateModification, ProxyTemplateSpec, Resource } from "@atoll/resource";
import type { Question, RuleSources } from "../ask/question.ts";

type Target = "cluster" | "listener" | "networkFilter" | "httpFilter" | "virtualHost";

/** A change of what is made for a proxy, in Envoy's own words, which are texts here. */
export interface EnvoyChange {
  /** Whose it is, and its place in that list. */
  policy: Policy;
  index: number;
  target: Target;
  operation: "add" | "patch" | "remove" | "addFirst" | "addLast" | "addBefore" | "addAfter";
  match?: object;
  /** YAML. */
  value?: string;
  /** RFC 6902, in place of `value`. */
  jsonPatches?: JsonPatch[];
}

export interface JsonPatch {
  op: "add" | "remove" | "replace" | "move" | "copy";
  path: string;
  from?: string;
  value?: unknown;
}

type Policy = Pick<Resource, "type" | "mesh" | "name" | "revision">;

/** What people say of a proxy in Envoy's own words. */
export interface EnvoyChanges {
  /** Made first, to what is made for the proxy. */
  patches: EnvoyChange[];
  /** What the proxy gets besides, or instead of that, and what is changed in all of it. */
  template?: { policy: Policy; imports: string[]; resources: { name: string; resource: string }[]; modifications: EnvoyChange[] };
}

const policyOf = ({ type, mesh, name, revision }: Policy): Policy => ({ type, mesh, name, revision });

const targets: readonly Target[] = ["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"];

function changesOf(policy: Policy, list: readonly (ProxyTemplateModification | MeshProxyPatchModification)[]): EnvoyChange[] {
  return list.flatMap((modification, index): EnvoyChange[] => {
    const target = targets.find((one) => modification[one]);
    if (!target) return [];
    const { operation, match, value, jsonPatches } = modification[target] as Partial<MeshProxyPatchModification["cluster"]> & {
      operation: string;
    };
    const change = { policy: policyOf(policy), index, target, operation: (operation[0]!.toLowerCase() + operation.slice(1)) as "add" };
    const patches = jsonPatches as JsonPatch[] | undefined;
    return [
      { ...change, ...(match && { match }), ...(value === undefined ? {} : { value }), ...(patches?.length && { jsonPatches: patches }) },
    ];
  });
}

function fromProxyTemplate(policy: Resource<ProxyTemplateSpec>): EnvoyChanges {
  const { imports = [], resources = [], modifications = [] } = policy.spec.conf ?? {};
  return { patches: [], template: { policy: policyOf(policy), imports, resources, modifications: changesOf(policy, modifications) } };
}

/** The merged list, as the lists of its policies one after the other: so each change still knows whose it is. */
const fromMeshProxyPatch = (_: object, __: unknown, { origins }: RuleSources): EnvoyChanges => ({
  patches: origins.flatMap(({ policy }) => {
    const { appendModifications = [] } = (policy.spec.default ?? {}) as { appendModifications?: MeshProxyPatchModification[] };
    return changesOf(policy, appendModifications);
  }),
});

/** What is changed of a proxy as a whole, after everything else. */
export const envoyChanges: Question<EnvoyChanges> = {
  legacy: { type: "ProxyTemplate", conf: fromProxyTemplate },
  targeted: { type: "MeshProxyPatch", conf: fromMeshProxyPatch },
  precedence: (template, patches) => ({ ...template, ...patches }),
};
