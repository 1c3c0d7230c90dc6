import type { ChangeEvent } from "@atoll/replica";
import { keyString, parseDocument, type KeyString, type Resource, type ResourceDraft } from "@atoll/resource";

/** A folded state that a test changes document by document. */
export class FakeState {
  revision = 0;
  readonly #byType = new Map<string, Map<KeyString, Resource>>();
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
    for (const draft of drafts)
      this.#ofType(draft.type).set(keyString(draft), { ...draft, creationTime: time, modificationTime: time, revision: this.revision });
    this.#tell(drafts.map((draft) => keyString(draft)));
  }

  delete(type: string, mesh: string, name: string): void {
    this.revision++;
    const key = keyString({ type, mesh, name });
    this.#ofType(type).delete(key);
    this.#tell([key]);
  }

  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#ofType(type).get(keyString({ type, mesh, name })) as Resource<Spec> | undefined;
  }

  list<Spec>(type: string, mesh?: string): Resource<Spec>[] {
    const found = [...this.#ofType(type)].filter(([, one]) => mesh === undefined || one.mesh === mesh);
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one) as Resource<Spec>[];
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
