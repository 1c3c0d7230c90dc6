import {
  type KeyString,
  type Resource,
  type ResourceKey,
  type ZonePinSpec,
  isStaged,
  keyString,
  parseKeyString,
  zonePinType,
} from "@atoll/resource";
import type { Write } from "../fold.ts";
import { Overlay } from "./overlay.ts";

/** What a pinned zone has in place of the configuration. */
export interface HeldZone {
  /** Meshes that were there when the zone was pinned. What comes with a later one is not held back. */
  readonly meshes: Set<string>;
  readonly values: Overlay;
}

/** As a snapshot carries it. */
export interface HeldCapture {
  zone: string;
  meshes: string[];
  values: [KeyString, Resource | null][];
}

interface Before {
  get(type: string, mesh: string, name: string): Resource | undefined;
  list(type: string): readonly Resource[];
}

/**
 * Of each pinned zone what it had of every key that has changed since: a part of the folded state, so that it follows from the log alone.
 * Costs nothing while no zone is pinned, and then what changes.
 */
export class HeldValues {
  readonly #zones = new Map<string, HeldZone>();

  static from(captures: readonly HeldCapture[]): HeldValues {
    const held = new HeldValues();
    for (const { zone, meshes, values } of captures) held.#zones.set(zone, { meshes: new Set(meshes), values: overlayOf(values) });
    return held;
  }

  of(zone: string): HeldZone | undefined {
    return this.#zones.get(zone);
  }

  capture(): HeldCapture[] {
    return [...this.#zones].map(([zone, { meshes, values }]) => ({ zone, meshes: [...meshes], values: [...values.entries()] }));
  }

  /** Takes note of what one record writes, before it is written. */
  note(writes: readonly Write[], before: Before): void {
    for (const [zone, held] of this.#zones) this.#zones.set(zone, keep(held, writes, before));
    for (const { key, resource } of writes) {
      if (key.type === zonePinType) this.#pin(key.name, resource as Resource<ZonePinSpec> | null, before);
    }
  }

  #pin(zone: string, pin: Resource<ZonePinSpec> | null, before: Before): void {
    if (!pin) return void this.#zones.delete(zone);
    const { values } = pin.spec;
    const now = this.#zones.get(zone);
    if (!values || !now) {
      this.#zones.set(zone, { meshes: new Set(before.list("Mesh").map(({ name }) => name)), values: overlayOf(values ?? []) });
      return;
    }
    // Another object, so that whoever follows the zone sees that all of it may be different.
    const moved = values.filter(([key]) => isHeld(now, parseKeyString(key)));
    this.#zones.set(zone, { meshes: now.meshes, values: overlayOf([...now.values.entries(), ...moved]) });
  }
}

/** Whether what happens to a resource is held back from the zone. */
export const isHeld = ({ meshes }: HeldZone, { type, mesh }: Pick<ResourceKey, "type" | "mesh">): boolean =>
  isStaged(type) && (mesh === "" || meshes.has(mesh));

/** The same object, unless more is different than what is written. */
function keep(now: HeldZone, writes: readonly Write[], before: Before): HeldZone {
  const held = withoutMeshes(now, new Set(writes.flatMap(({ key, resource }) => (key.type === "Mesh" && !resource ? [key.name] : []))));
  for (const { key } of writes) {
    if (!isHeld(held, key)) continue;
    const text = keyString(key);
    if (held.values.get(key.type, text) === undefined) held.values.set(text, before.get(key.type, key.mesh, key.name) ?? null);
  }
  return held;
}

/** With a mesh ends what was held of it, and one of the same name is another. */
function withoutMeshes({ meshes, values }: HeldZone, ended: ReadonlySet<string>): HeldZone {
  if (![...ended].some((mesh) => meshes.has(mesh))) return { meshes, values };
  return {
    meshes: new Set([...meshes].filter((mesh) => !ended.has(mesh))),
    values: overlayOf([...values.entries()].filter(([key]) => !ended.has(parseKeyString(key).mesh))),
  };
}

function overlayOf(values: readonly (readonly [KeyString, Resource | null])[]): Overlay {
  const overlay = new Overlay();
  for (const [key, value] of values) overlay.set(key, value);
  return overlay;
}
