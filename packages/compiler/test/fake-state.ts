import type { ChangeEvent } from "@atoll/replica";
import { keyString, parseDocument, type KeyString, type Resource, type ResourceDraft } from "@atoll/resource";

/** A folded state that a test changes document by document. */
export class FakeState {
  revision = 0;
  readonly #byType = new Map<string, Map<KeyString, Resource>>();
  readonly #lists = new Map<string, Map<string | undefined, Resource[]>>();
  readonly #listeners = new Set<(event: ChangeEvent) => void>();

  /** All of them in one change. */
  put(...documents: Record<string, unknown>[]): void {
    this.putDrafts(
      ...documents.map((document) => {
        const parsed = parseDocument(document);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed));
        return parsed.resource;
      }),
    );
  }

  putDrafts(...drafts: ResourceDraft[]): void {
    const time = new Date(Date.UTC(2026, 0, 1)).toISOString();
    this.revision++;
    for (const draft of drafts) this.#lists.delete(draft.type);
    for (const draft of drafts)
      this.#ofType(draft.type).set(keyString(draft), { ...draft, creationTime: time, modificationTime: time, revision: this.revision });
    this.#tell(drafts.map((draft) => keyString(draft)));
  }

  delete(type: string, mesh: string, name: string): void {
    this.revision++;
    const key = keyString({ type, mesh, name });
    this.#lists.delete(type);
    this.#ofType(type).delete(key);
    this.#tell([key]);
  }

  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#ofType(type).get(keyString({ type, mesh, name })) as Resource<Spec> | undefined;
  }

  /** Sorted once, as in the real one, until something of the type changes. */
  list<Spec>(type: string, mesh?: string): readonly Resource<Spec>[] {
    let lists = this.#lists.get(type);
    if (lists === undefined) this.#lists.set(type, (lists = new Map()));
    let list = lists.get(mesh);
    if (list === undefined) {
      const found = [...this.#ofType(type)].filter(([, one]) => mesh === undefined || one.mesh === mesh);
      list = found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
      lists.set(mesh, list);
    }
    return list as Resource<Spec>[];
  }

  *all(): Iterable<Resource> {
    for (const named of this.#byType.values()) yield* named.values();
  }

  /** No zone is pinned here. */
  heldFor(): undefined {
    return undefined;
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #ofType(type: string): Map<KeyString, Resource> {
    let found = this.#byType.get(type);
    if (found === undefined) this.#byType.set(type, (found = new Map()));
    return found;
  }

  #tell(keys: KeyString[]): void {
    for (const listener of this.#listeners) listener({ revision: this.revision, keys });
  }
}
