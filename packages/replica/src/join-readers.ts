import { type Resource, keyString } from "@atoll/resource";
import { byMeshAndName, type ResourceReader, type WatchedReader } from "./reader.ts";

/** Reads several folded states as one. Where two hold the same key the earlier reader wins. */
export function joinReaders(...readers: readonly ResourceReader[]): ResourceReader {
  return {
    get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
      for (const reader of readers) {
        const found = reader.get<Spec>(type, mesh, name);
        if (found) return found;
      }
      return undefined;
    },
    list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
      const lists = readers.map((reader) => reader.list<Spec>(type, mesh)).filter((list) => list.length > 0);
      if (lists.length <= 1) return lists[0] ?? [];
      const merged = new Map<string, Resource<Spec>>();
      for (const resource of lists.flat()) {
        const key = keyString(resource);
        if (!merged.has(key)) merged.set(key, resource);
      }
      return [...merged.values()].sort(byMeshAndName);
    },
  };
}

/** `joinReaders` of what can be watched. */
export const joinWatched = (...readers: readonly WatchedReader[]): WatchedReader => ({
  ...joinReaders(...readers),
  watch(listener) {
    const ends = readers.map((reader) => reader.watch(listener));
    return () => ends.forEach((end) => end());
  },
});
