import { envoyChanges } from "@atoll/policy";
import type { EnvoyChange, EnvoyChanges, ProxyPolicies } from "@atoll/policy";
import type { MeshContext } from "../mesh-context.ts";
import { optional } from "../optional.ts";
import type { ProxyModificationView, ProxyTemplateView } from "../proxy-view.ts";
import type { ViewBuilder } from "../view-builder.ts";

/** What a template must import for the proxy to keep what is made for it. */
const profiles = { sidecar: "default-proxy", gateway: "gateway-proxy" };

type Kind = keyof typeof profiles;
type Policy = EnvoyChange["policy"];

/** Changes as they were read, and whose each is. */
interface ReadChanges {
  view: ProxyTemplateView;
  /** Of the view's patches, resources and modifications, one after the other. */
  owners: Policy[];
  unread: { policy: Policy; what: string }[];
}

/**
 * What policies change of a dataplane in Envoy's own words, read. A text that cannot be read is left out and named as a problem. Proxies with
 * the same policies have the same object.
 */
export function proxyTemplate(
  context: MeshContext,
  policies: ProxyPolicies,
  kind: Kind,
  builder: ViewBuilder,
): ProxyTemplateView | undefined {
  const { conf, key } = policies.answer(envoyChanges);
  if (!conf) return undefined;
  const { view, owners, unread } = context.memo.share(`envoy-changes/${kind}/${key}`, () => readChanges(context, conf, kind));
  for (const { policy, what } of unread) builder.problem(`${policy.type}/${policy.mesh}/${policy.name}`, `${what} cannot be read`);
  const parts = [...(view.patches ?? []), ...view.resources, ...view.modifications];
  for (const [index, part] of parts.entries()) builder.because(part, () => ({ from: [owners[index]!], policies: [] }));
  return view;
}

function readChanges({ options, rules }: MeshContext, { patches, template }: EnvoyChanges, kind: Kind): ReadChanges {
  const inert = kind === "gateway" && rules.gatewayVirtualHostChanges === "ignored";
  const owners: Policy[] = [];
  const unread: ReadChanges["unread"] = [];
  const read = (policy: Policy, text: string, what: string): { value: unknown } | undefined => {
    try {
      return { value: (options.parseYaml ?? JSON.parse)(text) };
    } catch {
      unread.push({ policy, what });
      return undefined;
    }
  };
  const modifications = (changes: readonly EnvoyChange[]): ProxyModificationView[] =>
    changes.flatMap(({ policy, index, target, operation, match, value, jsonPatches }) => {
      if (inert && target === "virtualHost") return [];
      const parsed = value === undefined ? undefined : read(policy, value, `value of modification ${index}`);
      if (value !== undefined && !parsed) return [];
      owners.push(policy);
      return [{ target, operation, index, ...optional("match", match), ...parsed, ...optional("jsonPatches", jsonPatches) }];
    });
  const base = template === undefined || template.imports.includes(profiles[kind]);
  // Without what is made there is nothing to patch.
  const patched = base ? modifications(patches) : [];
  const resources = (template?.resources ?? []).flatMap(({ name, resource }) => {
    const parsed = read(template!.policy, resource, `resource ${name}`);
    if (!parsed) return [];
    owners.push(template!.policy);
    return [{ name, resource: parsed.value }];
  });
  const view = {
    base,
    ...optional("patches", patched.length > 0 ? patched : undefined),
    resources,
    modifications: modifications(template?.modifications ?? []),
  };
  return { view, owners, unread };
}
