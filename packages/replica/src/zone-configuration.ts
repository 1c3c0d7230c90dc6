import { isWrittenOnBothSides, kindOf, type Resource } from "@atoll/resource";
import { joinReaders } from "./join-readers.ts";
import type { ChangeEvent, ResourceReader, WatchedReader } from "./reader.ts";

const isJoined = (type: string): boolean => {
  const kind = kindOf(type);
  return kind !== undefined && isWrittenOnBothSides(kind);
};

/**
 * What holds in a zone: the configuration, and what the zone wrote itself of kinds that both sides write. Of two resources of one kind, mesh
 * and name the zone's holds; of two Secrets global's, so that nobody in a zone replaces what a mesh's identities hang on.
 */
export class ZoneConfiguration implements ResourceReader {
  readonly #config: WatchedReader & { readonly revision: number };
  readonly #own: WatchedReader;
  readonly #zoneFirst: ResourceReader;
  readonly #globalFirst: ResourceReader;

  constructor(config: WatchedReader & { readonly revision: number }, own: WatchedReader) {
    this.#config = config;
    this.#own = own;
    this.#zoneFirst = joinReaders(own, config);
    this.#globalFirst = joinReaders(config, own);
  }

  /** Of the configuration: what a zone writes has none. */
  get revision(): number {
    return this.#config.revision;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#readerOf(type).get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#readerOf(type).list(type, mesh);
  }

  watch(listener: (event: ChangeEvent) => void): () => void {
    const ends = [
      this.#config.watch(listener),
      this.#own.watch(({ keys, revision }) => {
        const joined = keys.filter((key) => isJoined(key.slice(0, key.indexOf("/"))));
        if (joined.length > 0) listener({ revision, keys: joined });
      }),
    ];
    return () => ends.forEach((end) => end());
  }

  #readerOf(type: string): ResourceReader {
    if (!isJoined(type)) return this.#config;
    return type === "Secret" ? this.#globalFirst : this.#zoneFirst;
  }
}
