import { keyString, type Resource, type ResourceDraft } from "@atoll/resource";
import { sealSecret, SealingKey } from "@atoll/secret";
import type { ResourceSource } from "./resource-source.ts";

export const ring = { global: SealingKey.generate(), zone: SealingKey.generate() };

/** A folded state for tests: drafts in, sealed resources out. */
export class MemoryResources implements ResourceSource {
  readonly #resources = new Map<string, Resource>();

  put(...drafts: ResourceDraft[]): this {
    const at = "2026-01-01T00:00:00Z";
    for (const draft of drafts) {
      this.#resources.set(keyString(draft), { ...sealSecret(ring, draft), creationTime: at, modificationTime: at, revision: 1 });
    }
    return this;
  }

  delete(type: string, mesh: string, name: string): void {
    this.#resources.delete(keyString({ type, mesh, name }));
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#resources.get(keyString({ type, mesh, name })) as Resource<Spec> | undefined;
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    const all = [...this.#resources.values()] as Resource<Spec>[];
    return all.filter((resource) => resource.type === type && (mesh === undefined || resource.mesh === mesh));
  }
}

export const secretDraft = (type: "Secret" | "GlobalSecret", mesh: string, name: string, text: string): ResourceDraft => ({
  type,
  mesh,
  name,
  spec: { data: Buffer.from(text).toString("base64") },
});
