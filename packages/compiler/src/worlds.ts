import { Origin } from "@atoll/facts";
import type { ResourceKey } from "@atoll/resource";
import { MeshContexts, type ViewInputs, type ViewOptions } from "@atoll/view";

/** The configuration as some of the zone's proxies have it. */
export interface TrialConfiguration {
  /** Names the configuration: as long as it is the same, only who has it changes. */
  of: string;
  /** Another one whenever other proxies may have it. */
  key: string;
  config: ViewInputs["config"];
  takes(nodeId: string): boolean;
}

/** All shared facts over one configuration, and what stands for the materials of secrets that are made from it. */
export interface World {
  readonly contexts: MeshContexts;
  readonly everyMaterial: Origin;
}

/**
 * The facts that proxies are built from: those of the zone and, while some of its proxies are to have more than others, a second set of them
 * over the other configuration. The second is there as long as it is needed, and holds what its proxies read.
 */
export class Worlds {
  readonly main: World;
  readonly #inputs: ViewInputs;
  readonly #options: ViewOptions;
  readonly #trialNow: () => TrialConfiguration | undefined;
  #trial: { now: TrialConfiguration; world: World } | undefined;

  constructor(inputs: ViewInputs, options: ViewOptions, trialNow: () => TrialConfiguration | undefined = () => undefined) {
    this.#inputs = inputs;
    this.#options = options;
    this.#trialNow = trialNow;
    this.main = worldOver(inputs, options);
    this.#follow();
  }

  /** Whose facts the proxy is built from. */
  of(nodeId: string): World {
    return this.#trial?.now.takes(nodeId) ? this.#trial.world : this.main;
  }

  get all(): readonly World[] {
    return this.#trial ? [this.main, this.#trial.world] : [this.main];
  }

  /** How often any shared fact was made. */
  get made(): number {
    return this.all.reduce((sum, { contexts }) => sum + contexts.graph.made, 0);
  }

  collect(): void {
    for (const { contexts } of this.all) contexts.graph.collect();
  }

  each(tell: (contexts: MeshContexts) => void): void {
    for (const { contexts } of this.all) tell(contexts);
  }

  /** Secrets of any proxy may be others, for reasons that are no part of the configuration. */
  materialsChanged(): void {
    for (const { everyMaterial } of this.all) everyMaterial.changed();
  }

  /** Whether other proxies than before may be built from one or the other. */
  configChanged(keys: readonly ResourceKey[]): boolean {
    const moved = this.#follow();
    this.each((contexts) => contexts.configChanged(keys));
    // Secrets are read through the facts of the zone, whose graph does not know who reads them in the other one.
    if (keys.some(({ type }) => type === "Mesh" || type.endsWith("Secret"))) this.#trial?.world.everyMaterial.changed();
    return moved;
  }

  #follow(): boolean {
    const now = this.#trialNow();
    const before = this.#trial;
    if (now?.key === before?.now.key) {
      if (before && now) before.now = now;
      return false;
    }
    if (!now) this.#trial = undefined;
    else if (before?.now.of === now.of) before.now = now;
    else this.#begin(now);
    return true;
  }

  #begin(now: TrialConfiguration): void {
    // The reader is another object after every step of the roll-out.
    const current = () => this.#trial!.now.config;
    const config: ViewInputs["config"] = {
      get: (type, mesh, name) => current().get(type, mesh, name),
      list: (type, mesh) => current().list(type, mesh),
    };
    this.#trial = { now, world: worldOver({ ...this.#inputs, config }, this.#options) };
  }
}

function worldOver(inputs: ViewInputs, options: ViewOptions): World {
  const contexts = new MeshContexts(inputs, options);
  return { contexts, everyMaterial: new Origin(contexts.graph) };
}
