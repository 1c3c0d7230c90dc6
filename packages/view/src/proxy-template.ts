import { chooseDataplanePolicy, proxyPlaces } from "@atoll/policy";
import type { ProxyTemplateModification, ProxyTemplateSpec, Resource } from "@atoll/resource";
import { tagSets } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import type { MeshContext } from "./mesh-context.ts";
import { optional } from "./optional.ts";
import type { ProxyModificationView, ProxyTemplateView } from "./proxy-view.ts";
import type { ViewBuilder } from "./view-builder.ts";

/** What a template must import for the proxy to keep what is made for it. */
const profiles = { sidecar: "default-proxy", gateway: "gateway-proxy" };

/** The ProxyTemplate of a dataplane, its texts read. A text that cannot be read is left out and named as a problem. */
export function proxyTemplate(
  context: MeshContext,
  dataplane: Dataplane,
  kind: "sidecar" | "gateway",
  builder: ViewBuilder,
): ProxyTemplateView | undefined {
  const templates = context.placed<ProxyTemplateSpec>("ProxyTemplate", proxyPlaces(tagSets(dataplane)));
  const chosen = chooseDataplanePolicy(templates, tagSets(dataplane), context.rules);
  if (!chosen) return undefined;
  const { imports = [], resources = [], modifications = [] } = chosen.spec.conf ?? {};
  const read = reader(context, chosen, builder);
  const inert = kind === "gateway" && context.rules.gatewayVirtualHostChanges === "ignored";
  return {
    base: imports.includes(profiles[kind]),
    resources: resources.flatMap(({ name, resource }) => {
      const parsed = read(resource, `resource ${name}`);
      return parsed ? [{ name, resource: parsed.value }] : [];
    }),
    modifications: modifications.flatMap((one, index) => (inert && one.virtualHost ? [] : (modificationView(one, index, read) ?? []))),
  };
}

type Read = (text: string, what: string) => { value: unknown } | undefined;

const reader =
  ({ options, name: mesh }: MeshContext, { name }: Resource, builder: ViewBuilder): Read =>
  (text, what) => {
    try {
      return { value: (options.parseYaml ?? JSON.parse)(text) };
    } catch {
      builder.problem(`ProxyTemplate/${mesh}/${name}`, `${what} cannot be read`);
      return undefined;
    }
  };

function modificationView(modification: ProxyTemplateModification, index: number, read: Read): ProxyModificationView | undefined {
  for (const target of ["cluster", "listener", "networkFilter", "httpFilter", "virtualHost"] as const) {
    const change = modification[target];
    if (!change) continue;
    const parsed = change.value === undefined ? undefined : read(change.value, `value of modification ${index}`);
    if (change.value !== undefined && !parsed) return undefined;
    const operation = change.operation as ProxyModificationView["operation"];
    return { target, operation, ...optional("match", change.match), ...(parsed ? { value: parsed.value } : {}) };
  }
  return undefined;
}
