import type { Resource } from "@atoll/resource";

/** What this package needs of a folded state; `ResourceReader` of the replica package is one. */
export interface ResourceSource {
  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined;
  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[];
}
