import type { ChangeEvent, ZoneReplica } from "@atoll/replica";
import { type MeshLifeSpec, meshLifeType, type ResourceKey } from "@atoll/resource";
import type { WatchedReader } from "@atoll/replica";

export interface MeshEndsOptions {
  config: WatchedReader & { readonly revision: number };
  /** The zone's own. */
  resources: Pick<ZoneReplica, "get" | "list" | "all" | "put" | "delete">;
  /** Whether the configuration here has everything that global's had when it was last reached. */
  isCaughtUp: () => boolean;
  signal: AbortSignal;
  /** A mesh ended, and so much of the zone's with it. */
  onEnded: (mesh: string, resources: number) => void;
  onError: (error: unknown) => void;
}

/** What a proxy brings goes with the proxy, and comes again while it is there. */
const ofProxies: ReadonlySet<string> = new Set(["Dataplane", "DataplaneInsight"]);

/**
 * Ends what the zone has in a mesh when the mesh ends, also if that was while the zone was away, and there is another mesh of its name by
 * now: the zone notes which mesh its resources are of. A configuration that is yet to be copied is no reason to end anything.
 */
export class MeshEnds {
  readonly #options: MeshEndsOptions;
  readonly #ending = new Map<string, Promise<void>>();
  #isBehind = false;

  constructor(options: MeshEndsOptions) {
    this.#options = options;
    // In the same turn: what is written in the next mesh of that name is not among what ends.
    const unwatch = options.config.watch((event) => concernsMeshes(event) && this.align());
    options.signal.addEventListener("abort", unwatch, { once: true });
    this.align();
  }

  /** A write failed, or what to do could not be told yet: `align` again when the log may be back. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending.values());
  }

  align(): void {
    const { config, resources } = this.#options;
    this.#isBehind = false;
    if (config.revision === 0) return;
    const held = new Map<string, ResourceKey[]>();
    for (const { type, mesh, name } of resources.all()) {
      if (mesh === "") continue;
      const known = held.get(mesh);
      if (known) known.push({ type, mesh, name });
      else held.set(mesh, [{ type, mesh, name }]);
    }
    const noted = resources.list<MeshLifeSpec>(meshLifeType).map(({ name }) => name);
    for (const mesh of new Set([...config.list("Mesh").map(({ name }) => name), ...noted, ...held.keys()])) {
      this.#alignMesh(mesh, held.get(mesh) ?? []);
    }
  }

  #alignMesh(mesh: string, held: readonly ResourceKey[]): void {
    const { config, resources, isCaughtUp } = this.#options;
    if (this.#ending.has(mesh)) return;
    const present = config.get("Mesh", "", mesh);
    const life = resources.get<MeshLifeSpec>(meshLifeType, "", mesh);
    if (life !== undefined && config.revision < life.spec.revision) return;
    if (present !== undefined && present.creationTime === life?.spec.creationTime) return;
    const revision = config.revision;
    const note = (): Promise<unknown> =>
      present === undefined
        ? resources.delete({ type: meshLifeType, mesh: "", name: mesh })
        : resources.put<MeshLifeSpec>({
            type: meshLifeType,
            mesh: "",
            name: mesh,
            spec: { creationTime: present.creationTime, revision },
          });
    if (life !== undefined) return this.#end(mesh, held, note);
    if (present !== undefined) return this.#end(mesh, [], note);
    // Of a time when nothing was noted.
    const left = held.filter(({ type }) => !ofProxies.has(type));
    if (left.length === 0) return;
    if (isCaughtUp()) this.#end(mesh, left, note);
    else this.#isBehind = true;
  }

  /** What the mesh's end is noted by is written last: if anything before it fails, all is tried again. */
  #end(mesh: string, keys: readonly ResourceKey[], note: () => Promise<unknown>): void {
    const { resources, signal, onEnded, onError } = this.#options;
    const done = Promise.all(keys.map((key) => resources.delete(key)))
      .then(note)
      .then(
        () => {
          if (keys.length > 0) onEnded(mesh, keys.length);
          this.#ending.delete(mesh);
          // Of this mesh another thing may have become true meanwhile.
          if (!signal.aborted) this.align();
        },
        (error: unknown) => {
          this.#ending.delete(mesh);
          this.#isBehind = true;
          if (!signal.aborted) onError(error);
        },
      );
    this.#ending.set(mesh, done);
  }
}

const concernsMeshes = ({ keys }: ChangeEvent): boolean => keys.some((key) => key.startsWith("Mesh/"));
