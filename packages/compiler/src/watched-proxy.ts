import { equalValue, Fact, Origin, Watcher } from "@atoll/facts";
import type { ResourceDraft } from "@atoll/resource";
import { buildProxyIntent, type ProxyIntent, type ProxyRef, type ProxyView } from "@atoll/view";
import type { EncodedResource } from "@atoll/xds";
import type { Refusals } from "./refusals.ts";
import type { Withheld } from "./screened-part.ts";
import type { ResolvedSecrets, SecretMaterials } from "./secret-materials.ts";
import type { World } from "./worlds.ts";

/** Everything that a proxy's snapshot is made from. */
export interface ProxyParts {
  intent: ProxyIntent;
  endpoints: readonly ProxyView["endpoints"][number][];
  secrets: ResolvedSecrets;
}

/** What a proxy's snapshot was made from. */
export interface MadeSnapshot {
  parts: ProxyParts;
  /** With parts that equal the former ones' replaced by those. */
  view: ProxyView;
  /** What was encoded: the same with its endpoints, and without what lacks its certificate. */
  encoded?: ProxyView;
  secrets: readonly EncodedResource[];
  failed: readonly string[];
  refusals: Refusals;
  /** What its Envoy does not get of it. */
  withheld: readonly Withheld[];
}

/**
 * A connected proxy as the graph sees it: its view, its secrets and its endpoints are facts, so that a change makes anew those of them that
 * it reaches.
 */
export class WatchedProxy {
  readonly ref: ProxyRef;
  /** Whose facts it is made from. */
  readonly world: World;
  /** What it brought that is not stored yet. */
  brought: ResourceDraft | undefined;
  made: MadeSnapshot | undefined;
  /** What its Envoy refused of what was made for it. */
  refusals: Refusals = new Map();
  readonly #watcher: Watcher<ProxyParts | undefined>;
  readonly #material: Origin;

  constructor(nodeId: string, ref: ProxyRef, of: { world: World; materials: SecretMaterials; onSuspect: () => void }) {
    const { world, materials } = of;
    const { contexts, everyMaterial } = world;
    const { graph } = contexts;
    this.ref = ref;
    this.world = world;
    this.#material = new Origin(graph);
    const intent = new Fact(graph, () => buildProxyIntent(contexts, ref), Object.is);
    // Most changes of a view leave the secrets that it names as they are.
    const named = new Fact(graph, () => intent.get()?.view.secrets, equalValue);
    const secrets = new Fact<ResolvedSecrets | undefined>(
      graph,
      () => {
        this.#material.read();
        everyMaterial.read();
        const views = named.get();
        return views && materials.resolve(nodeId, views);
      },
      (a, b) => a !== undefined && b !== undefined && sameSecrets(a, b),
    );
    this.#watcher = new Watcher(
      graph,
      () => {
        const made = intent.get();
        return made && { intent: made, endpoints: made.endpoints.map((one) => one.get()), secrets: secrets.get()! };
      },
      of.onSuspect,
    );
  }

  /** Goes on where another left off that stood for the same proxy. */
  takeOver({ brought, made, refusals }: WatchedProxy): void {
    this.brought = brought;
    this.made = made;
    this.refusals = refusals;
  }

  /** Undefined while the proxy's resource, or its mesh, does not exist. Throws what building threw. */
  parts(): ProxyParts | undefined {
    return this.#watcher.update().value;
  }

  /** Its certificate, or another of its secrets, is not what it was. */
  materialChanged(): void {
    this.#material.changed();
  }

  close(): void {
    this.#watcher.close();
  }
}

const sameSecrets = (a: ResolvedSecrets, b: ResolvedSecrets): boolean =>
  sameItems(a.resources, b.resources) && sameItems(a.pending, b.pending) && sameItems(a.failed, b.failed);

export function sameItems<Item>(one: readonly Item[], other: readonly Item[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

/** False while a secret is missing without which the proxy is better left as it is. */
export function isComplete({ intent, secrets }: ProxyParts, mesh: string): boolean {
  // Envoy would hold its listeners back until the certificate comes; better to give it all at once.
  if (secrets.pending.length > 0) return false;
  return !intent.view.secrets.some(
    ({ name, source }) => source.type === "identity" && source.mesh === mesh && secrets.failed.includes(name),
  );
}
