import type { ResourceReader } from "@atoll/replica";
import { keyString, type Resource, type ResourceDraft, type ResourceKey } from "@atoll/resource";
import { zeroTime } from "./catalog.ts";

/** The configuration as a change set leaves it: what a document relies on may come or go with it. Drafts are as written, not sealed. */
export function proposedState(config: ResourceReader, puts: readonly ResourceDraft[], deletes: readonly ResourceKey[]): ResourceReader {
  const proposed = new Map<string, Resource | undefined>(deletes.map((key) => [keyString(key), undefined]));
  for (const draft of puts) proposed.set(keyString(draft), { ...draft, creationTime: zeroTime, modificationTime: zeroTime, revision: 0 });
  return {
    get: <Spec>(type: string, mesh: string, name: string) => {
      const key = keyString({ type, mesh, name });
      return proposed.has(key) ? (proposed.get(key) as Resource<Spec> | undefined) : config.get<Spec>(type, mesh, name);
    },
    list: <Spec>(type: string, mesh?: string) => {
      const kept = config.list<Spec>(type, mesh).filter((resource) => !proposed.has(keyString(resource)));
      const added = [...proposed.values()].filter((one) => one?.type === type && (mesh === undefined || one.mesh === mesh));
      return [...kept, ...(added as Resource<Spec>[])];
    },
  };
}
