import type { MeshProxyPatchSpec, ProxyTemplateSpec, ResourceDraft, Violation } from "@atoll/resource";
import type { ApiOptions } from "./ports.ts";

const targets = ["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"] as const;
const said = (fault: string) => `native Envoy resource is not valid: ${fault}`;

type Modification = Partial<Record<(typeof targets)[number], { operation?: string | undefined; value?: string | null | undefined }>>;

/** What of a ProxyTemplate or a MeshProxyPatch is nothing that Envoy knows; of other kinds, nothing. */
export async function nativeViolations(draft: ResourceDraft, { nativeFault }: ApiOptions): Promise<Violation[]> {
  if (nativeFault === undefined) return [];
  if (draft.type === "MeshProxyPatch") {
    const { appendModifications = [] } = (draft.spec as MeshProxyPatchSpec).default;
    return ofModifications("spec.default.appendModifications", appendModifications, nativeFault);
  }
  if (draft.type !== "ProxyTemplate") return [];
  const { resources = [], modifications = [] } = (draft.spec as ProxyTemplateSpec).conf ?? {};
  const violations: Violation[] = [];
  for (const [index, { resource }] of resources.entries()) {
    const fault = await nativeFault("resource", resource, false);
    if (fault !== undefined) violations.push({ field: `conf.resources[${index}].resource`, reason: said(fault) });
  }
  return [...violations, ...(await ofModifications("conf.modifications", modifications, nativeFault))];
}

async function ofModifications(
  path: string,
  modifications: readonly Modification[],
  nativeFault: NonNullable<ApiOptions["nativeFault"]>,
): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const [index, modification] of modifications.entries()) {
    for (const target of targets) {
      const { operation = "", value } = modification[target] ?? {};
      if (value == null || /^remove$/i.test(operation)) continue;
      const fault = await nativeFault(target, value, /^patch$/i.test(operation));
      if (fault !== undefined) violations.push({ field: `${path}[${index}].${target}.value`, reason: said(fault) });
    }
  }
  return violations;
}
