import { envoyChanges } from "@atoll/policy";
import type { EnvoyChange, ProxyPolicies } from "@atoll/policy";
import type { MeshContext } from "../mesh-context.ts";
import { optional } from "../optional.ts";
import type { ProxyModificationView, ProxyTemplateView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";

/** What a template must import for the proxy to keep what is made for it. */
const profiles = { sidecar: "default-proxy", gateway: "gateway-proxy" };

type Policy = EnvoyChange["policy"];

/** What policies change of a dataplane in Envoy's own words, read. A text that cannot be read is left out and named as a problem. */
export function proxyTemplate(
  context: MeshContext,
  policies: ProxyPolicies,
  kind: "sidecar" | "gateway",
  builder: ViewBuilder,
): ProxyTemplateView | undefined {
  const { conf } = policies.answer(envoyChanges);
  if (!conf) return undefined;
  const { patches, template } = conf;
  const inert = kind === "gateway" && context.rules.gatewayVirtualHostChanges === "ignored";
  const read = (policy: Policy, text: string, what: string): { value: unknown } | undefined => {
    try {
      return { value: (context.options.parseYaml ?? JSON.parse)(text) };
    } catch {
      builder.problem(`${policy.type}/${policy.mesh}/${policy.name}`, `${what} cannot be read`);
      return undefined;
    }
  };
  const made = <Part extends object>(part: Part, policy: Policy): Part => {
    builder.because(part, () => ({ from: [policy], policies: [] }));
    return part;
  };
  const modifications = (changes: readonly EnvoyChange[]): ProxyModificationView[] =>
    changes.flatMap(({ policy, index, target, operation, match, value, jsonPatches }) => {
      if (inert && target === "virtualHost") return [];
      const parsed = value === undefined ? undefined : read(policy, value, `value of modification ${index}`);
      if (value !== undefined && !parsed) return [];
      const change = { target, operation, index, ...optional("match", match), ...parsed, ...optional("jsonPatches", jsonPatches) };
      return [made<ProxyModificationView>(change, policy)];
    });
  const base = template === undefined || template.imports.includes(profiles[kind]);
  // Without what is made there is nothing to patch.
  const patched = base ? modifications(patches) : [];
  return {
    base,
    ...optional("patches", patched.length > 0 ? patched : undefined),
    resources: (template?.resources ?? []).flatMap(({ name, resource }) => {
      const parsed = read(template!.policy, resource, `resource ${name}`);
      return parsed ? [made({ name, resource: parsed.value }, template!.policy)] : [];
    }),
    modifications: modifications(template?.modifications ?? []),
  };
}
