import { defaultRules } from "@atoll/policy";
import type { ViewInputs, ViewOptions } from "./inputs.ts";
import { Memo } from "./memo.ts";
import { MeshContext } from "./mesh-context.ts";
import type { MeshSpec } from "@atoll/resource";
import { ZoneContext } from "./zone-context.ts";

/**
 * The contexts of all meshes of one zone, each made when first asked for. Whoever owns the readers calls `invalidate` after a
 * change and before building again; parts that come out equal keep their identity.
 */
export class MeshContexts {
  readonly inputs: ViewInputs;
  #options: ViewOptions;
  #zone: ZoneContext | undefined;
  #previousZoneMemo: Memo | undefined;
  #zoneMemo: Memo | undefined;
  readonly #meshes = new Map<string, MeshContext>();
  readonly #memos = new Map<string, Memo>();

  constructor(inputs: ViewInputs, options: ViewOptions = {}) {
    this.inputs = inputs;
    this.#options = options;
  }

  get options(): ViewOptions {
    return this.#options;
  }

  get zone(): ZoneContext {
    return (this.#zone ??= new ZoneContext(this.inputs, this.#options));
  }

  /** Shared parts that belong to no single mesh. */
  get zoneMemo(): Memo {
    return (this.#zoneMemo ??= new Memo(this.#previousZoneMemo));
  }

  /** Names of all meshes, sorted. */
  names(): string[] {
    return this.inputs.config
      .list<MeshSpec>("Mesh")
      .map(({ name }) => name)
      .sort();
  }

  mesh(name: string): MeshContext | undefined {
    const present = this.#meshes.get(name);
    if (present) return present;
    const resource = this.inputs.config.get<MeshSpec>("Mesh", "", name);
    if (!resource) return undefined;
    const rules = this.#options.rules ?? defaultRules;
    const context = new MeshContext(resource, this.zone, this.inputs, this.#options, rules, this.#memos.get(name));
    this.#meshes.set(name, context);
    return context;
  }

  /** All meshes, sorted by name. */
  all(): MeshContext[] {
    return this.names().flatMap((name) => this.mesh(name) ?? []);
  }

  /**
   * Forgets what was computed from those meshes, or from all of them (`null`: an egress, an ingress, a Zone or the liveness of
   * a zone changed). `options`, if given, replace the former ones.
   */
  invalidate(meshes: Iterable<string> | null, options?: ViewOptions): void {
    if (options) this.#options = options;
    this.#zone = undefined;
    this.#previousZoneMemo = this.#zoneMemo ?? this.#previousZoneMemo;
    this.#zoneMemo = undefined;
    for (const name of meshes ?? [...this.#meshes.keys()]) {
      const context = this.#meshes.get(name);
      if (context) this.#memos.set(name, context.memo);
      this.#meshes.delete(name);
    }
  }
}
