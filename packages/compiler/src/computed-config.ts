import { buildProxyView, MeshContexts, type ProxyRef, type Reader } from "@atoll/view";
import { isShadow } from "@atoll/policy";
import { envoyJson } from "@atoll/translate";
import { label, type Resource } from "@atoll/resource";
import { ViewEncoder } from "./view-encoder.ts";
import { withoutDangling } from "./without-dangling.ts";

/** typeUrl -> name -> resource in Envoy's JSON, both sorted. */
export type ComputedConfig = Record<string, Record<string, unknown>>;

/**
 * What a proxy's Envoy is told, but for secrets, as it follows from what is known now; with `shadow` as if the policies acted that are only
 * there to be looked at. Built anew by itself, so that nobody who is served notices. undefined where the proxy has no view.
 */
export function computedConfig(
  state: Pick<MeshContexts, "inputs" | "options">,
  proxy: ProxyRef,
  { shadow }: { shadow: boolean },
): ComputedConfig | undefined {
  const { inputs, options } = state;
  const fresh = new MeshContexts(shadow ? { ...inputs, config: withShadows(inputs.config) } : inputs, options);
  const view = buildProxyView(fresh, proxy);
  if (view === undefined) return undefined;
  const { resources } = new ViewEncoder().encode(view);
  withoutDangling(resources);
  return sorted(resources, (ofType) => sorted(ofType, ({ typeUrl, bytes }) => envoyJson(typeUrl, bytes)));
}

/** The same resources, of which none says that it is there to be looked at. */
function withShadows(reader: Reader): Reader {
  const acting = <Spec>(resource: Resource<Spec>): Resource<Spec> => {
    if (!isShadow(resource)) return resource;
    const { [label.effect]: _, ...labels } = resource.labels ?? {};
    return { ...resource, labels };
  };
  return {
    get: (type, mesh, name) => {
      const found = reader.get<never>(type, mesh, name);
      return found && acting(found);
    },
    list: <Spec>(type: string, mesh?: string) => reader.list<Spec>(type, mesh).map(acting),
  };
}

function sorted<From, To>(map: ReadonlyMap<string, From>, make: (value: From) => To): Record<string, To> {
  const entries = [...map].filter(([, value]) => !(value instanceof Map) || value.size > 0);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, make(value)]));
}
