import type { ProxyTemplateSpec, ResourceDraft, Violation } from "@atoll/resource";
import type { ApiOptions } from "./ports.ts";

const targets = ["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"] as const;
const said = (fault: string) => `native Envoy resource is not valid: ${fault}`;

/** What of a ProxyTemplate is nothing that Envoy knows; of other kinds, nothing. */
export async function nativeViolations(draft: ResourceDraft, { nativeFault }: ApiOptions): Promise<Violation[]> {
  if (draft.type !== "ProxyTemplate" || nativeFault === undefined) return [];
  const { resources = [], modifications = [] } = (draft.spec as ProxyTemplateSpec).conf ?? {};
  const violations: Violation[] = [];
  for (const [index, { resource }] of resources.entries()) {
    const fault = await nativeFault("resource", resource, false);
    if (fault !== undefined) violations.push({ field: `conf.resources[${index}].resource`, reason: said(fault) });
  }
  for (const [index, modification] of modifications.entries()) {
    for (const target of targets) {
      const change = modification[target];
      if (change?.value === undefined || change.operation === "remove") continue;
      const fault = await nativeFault(target, change.value, change.operation === "patch");
      if (fault !== undefined) violations.push({ field: `conf.modifications[${index}].${target}.value`, reason: said(fault) });
    }
  }
  return violations;
}
