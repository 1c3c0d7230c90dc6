import type { DataplaneInbound, DataplaneSpec, MeshServicePort, MeshServiceSpec, Resource } from "@atoll/resource";

type Dataplane = Resource<DataplaneSpec>;

/** Finds the Dataplanes of MeshServices by what these select: an inbound with all of the tags, or a name. */
export class DataplaneIndex {
  readonly #byName = new Map<string, Dataplane>();
  readonly #byTag = new Map<string, Dataplane[]>();

  /** `takesPart` says which inbounds count. Dataplanes without one are found by nobody. */
  constructor(dataplanes: readonly Dataplane[], takesPart: (inbound: DataplaneInbound) => boolean = () => true) {
    for (const dataplane of dataplanes) {
      const inbounds = (dataplane.spec.networking.inbound ?? []).filter(takesPart);
      if (inbounds.length === 0) continue;
      this.#byName.set(dataplane.name, dataplane);
      for (const { tags } of inbounds) {
        for (const pair of Object.entries(tags)) {
          const key = pair.join("=");
          const found = this.#byTag.get(key);
          if (!found) this.#byTag.set(key, [dataplane]);
          else if (found.at(-1) !== dataplane) found.push(dataplane);
        }
      }
    }
  }

  /** In the order in which the Dataplanes were given. */
  selectedBy({ dataplaneRef, dataplaneTags }: MeshServiceSpec["selector"]): readonly Dataplane[] {
    if (dataplaneRef) {
      const named = this.#byName.get(dataplaneRef.name ?? "");
      return named ? [named] : [];
    }
    const wanted = Object.entries(dataplaneTags ?? {});
    if (wanted.length === 0) return [];
    const sets = wanted.map((pair) => this.#byTag.get(pair.join("=")) ?? []);
    const fewest = sets.reduce((a, b) => (b.length < a.length ? b : a));
    return fewest.filter(({ spec }) =>
      (spec.networking.inbound ?? []).some(({ tags }) => wanted.every(([key, value]) => tags[key] === value)),
    );
  }
}

/** Whether an inbound is what a port of a MeshService leads to. Without a target port, it is the port itself. */
export const isTargetOf = ({ port, targetPort }: MeshServicePort, inbound: Pick<DataplaneInbound, "name" | "port">): boolean =>
  typeof targetPort === "string" ? inbound.name === targetPort : inbound.port === (targetPort || port);
