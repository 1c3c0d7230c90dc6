import { type KeyString, type Resource, keyString, parseKeyString } from "@atoll/resource";
import { byMeshAndName, type ResourceReader } from "../reader.ts";

/** Resources that hold in place of others; null = none holds. */
export class Overlay {
  readonly #types = new Map<string, Map<KeyString, Resource | null>>();
  #size = 0;
  #version = 0;

  get size(): number {
    return this.#size;
  }

  /** Another one after every change. */
  get version(): number {
    return this.#version;
  }

  set(key: KeyString, value: Resource | null): void {
    const { type } = parseKeyString(key);
    let values = this.#types.get(type);
    if (!values) this.#types.set(type, (values = new Map()));
    if (!values.has(key)) this.#size++;
    values.set(key, value);
    this.#version++;
  }

  /** Undefined = nothing is said of the key. */
  get(type: string, key: KeyString): Resource | null | undefined {
    return this.#types.get(type)?.get(key);
  }

  of(type: string): ReadonlyMap<KeyString, Resource | null> | undefined {
    return this.#types.get(type);
  }

  *entries(): Iterable<[KeyString, Resource | null]> {
    for (const values of this.#types.values()) yield* values;
  }
}

/** A state with an overlay on top. Both may change; lists are put together once for each state of both. */
export class OverlaidReader implements ResourceReader {
  readonly #base: ResourceReader;
  readonly #overlay: Overlay;
  readonly #lists = new Map<string, { base: readonly Resource[]; version: number; list: readonly Resource[] }>();

  constructor(base: ResourceReader, overlay: Overlay) {
    this.#base = base;
    this.#overlay = overlay;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    const held = this.#overlay.of(type)?.get(keyString({ type, mesh, name }));
    return held === undefined ? this.#base.get<Spec>(type, mesh, name) : ((held ?? undefined) as Resource<Spec> | undefined);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    const base = this.#base.list<Spec>(type, mesh);
    const held = this.#overlay.of(type);
    if (!held) return base;
    const at = `${type}/${mesh ?? "*"}`;
    const { version } = this.#overlay;
    const known = this.#lists.get(at);
    if (known?.base === base && known.version === version) return known.list as readonly Resource<Spec>[];
    const list = base.filter((one) => !held.has(keyString(one)));
    for (const one of held.values()) if (one && (mesh === undefined || one.mesh === mesh)) list.push(one as Resource<Spec>);
    list.sort(byMeshAndName);
    this.#lists.set(at, { base, version, list });
    return list;
  }
}
