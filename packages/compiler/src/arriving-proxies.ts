import type { ResourceReader } from "@atoll/replica";
import type { Resource, ResourceDraft } from "@atoll/resource";

const unknownTime = "0001-01-01T00:00:00Z";

/** What connected proxies brought that nobody else knows of yet: each is built from its own resource, and nobody calls it before it listens. */
export class ArrivingProxies {
  readonly #stored: ResourceReader;
  readonly #arriving = new Map<string, Resource>();

  constructor(stored: ResourceReader) {
    this.#stored = stored;
  }

  add(draft: ResourceDraft): void {
    const { type, mesh, name } = draft;
    const stored = this.#stored.get(type, mesh, name);
    this.#arriving.set(keyOf(type, mesh, name), {
      creationTime: unknownTime,
      modificationTime: unknownTime,
      revision: 0,
      ...stored,
      ...draft,
    });
  }

  remove({ type, mesh, name }: Pick<ResourceDraft, "type" | "mesh" | "name">): void {
    this.#arriving.delete(keyOf(type, mesh, name));
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#arriving.get(keyOf(type, mesh, name)) as Resource<Spec> | undefined;
  }
}

const keyOf = (type: string, mesh: string, name: string): string => `${type}/${mesh}/${name}`;
