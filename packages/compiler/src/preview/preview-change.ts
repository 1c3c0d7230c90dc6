import { setImmediate } from "node:timers/promises";
import { Watcher } from "@atoll/facts";
import type { FleetAnswer, FleetGroup, FleetProxy, ResourceKey } from "@atoll/resource";
import { buildProxyIntent, MeshContexts, type ProxyRef, type ProxyView, type ViewInputs, type ViewOptions } from "@atoll/view";
import type { Refusals } from "../refusals.ts";
import { ViewEncoder, type EncodedView } from "../view-encoder.ts";
import { withoutDangling } from "../without-dangling.ts";
import { withoutFailedSecrets } from "../without-failed-secrets.ts";
import { effectsOf } from "./change-effects.ts";
import { differingResources, keyOfChange, renderChange } from "./resource-changes.ts";

/** A connected proxy, and what its Envoy does not take or could not be given so far. */
export interface PreviewedProxy {
  ref: ProxyRef;
  refusals: Refusals;
  failedSecrets: readonly string[];
}

export interface PreviewOptions {
  /** `config` is the first state. */
  inputs: ViewInputs;
  viewOptions: ViewOptions;
  proxies: readonly PreviewedProxy[];
  /** The second state, and what is different in it. */
  to: ViewInputs["config"];
  changed: readonly ResourceKey[];
}

/** How long proxies are built without letting anything else happen. */
const turnMs = 5;

/**
 * How proxies would change: both states are built beside the live one, by the same functions, and nobody is told. The second is made of the
 * facts of the first, so that of it only what the change reaches is made and encoded.
 */
export async function previewChange({ inputs, viewOptions, proxies, to, changed }: PreviewOptions): Promise<Omit<FleetAnswer, "revision">> {
  let current = inputs.config;
  const config: ViewInputs["config"] = {
    get: (type, mesh, name) => current.get(type, mesh, name),
    list: (type, mesh) => current.list(type, mesh),
  };
  const contexts = new MeshContexts({ ...inputs, config }, viewOptions);
  const encoder = new ViewEncoder();
  const reached = new Set<Followed>();
  const rest = restEvery(turnMs);

  const followed: Followed[] = [];
  for (const proxy of proxies) {
    const one: Followed = {
      proxy,
      watcher: new Watcher(
        contexts.graph,
        () => viewOf(contexts, proxy.ref),
        () => reached.add(one),
      ),
      before: undefined,
    };
    one.before = settled(one.watcher);
    followed.push(one);
    await rest();
  }

  current = to;
  contexts.configChanged(changed);
  const groups = new Map<string, FleetGroup>();
  const unbuilt: FleetAnswer["unbuilt"] = [];
  for (const { proxy, watcher, before } of reached) {
    await rest();
    const after = settled(watcher);
    if ("error" in after) {
      unbuilt.push({ ...nameOf(proxy.ref), reason: (after.error as Error).message });
      continue;
    }
    const was = before !== undefined && "view" in before ? before.view : undefined;
    if (was === after.view) continue;
    const [old, fresh] = [was && encodeAll(encoder, was, proxy), after.view && encodeAll(encoder, after.view, proxy)];
    const pairs = differingResources(old?.resources ?? new Map(), fresh?.resources ?? new Map());
    const effects = effectsOf(
      was && { view: was, withheld: old!.withheld },
      after.view && { view: after.view, withheld: fresh!.withheld },
      pairs,
    );
    if (pairs.length === 0 && Object.keys(effects).length === 0) continue;
    const key = keyOfChange(pairs);
    const group = groups.get(key);
    if (group) group.proxies.push(nameOf(proxy.ref));
    else groups.set(key, { key, proxies: [nameOf(proxy.ref)], resources: pairs.map(renderChange), effects });
  }
  for (const { watcher } of followed) watcher.close();
  return { proxies: proxies.length, groups: [...groups.values()], unbuilt };
}

interface Followed {
  proxy: PreviewedProxy;
  watcher: Watcher<ProxyView | undefined>;
  before: { view: ProxyView | undefined } | { error: unknown } | undefined;
}

function viewOf(contexts: MeshContexts, ref: ProxyRef): ProxyView | undefined {
  const intent = buildProxyIntent(contexts, ref);
  return intent && { ...intent.view, endpoints: intent.endpoints.map((one) => one.get()) };
}

function settled(watcher: Watcher<ProxyView | undefined>): { view: ProxyView | undefined } | { error: unknown } {
  try {
    return { view: watcher.update().value };
  } catch (error) {
    return { error };
  }
}

/** As the compiler makes it, without the secrets. */
function encodeAll(encoder: ViewEncoder, view: ProxyView, { refusals, failedSecrets }: PreviewedProxy): EncodedView {
  const { resources, withheld } = encoder.encode(withoutFailedSecrets(view, failedSecrets), refusals);
  return { resources, withheld: [...withheld, ...withoutDangling(resources)] };
}

const types = { dataplane: "Dataplane", ingress: "ZoneIngress", egress: "ZoneEgress" } as const;
const nameOf = ({ type, mesh, name }: ProxyRef): FleetProxy => ({ type: types[type], mesh, name });

/** Gives way to all else whenever so much time has passed. */
function restEvery(ms: number): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < ms) return;
    await setImmediate();
    began = performance.now();
  };
}
