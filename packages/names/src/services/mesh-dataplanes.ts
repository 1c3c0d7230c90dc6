import { dnsLabelFaults, label, tag, type DataplaneSpec, type MeshServicePort, type MeshServiceSpec, type Resource } from "@atoll/resource";

type Dataplane = Resource<DataplaneSpec>;

/** What a Dataplane has for a service. */
export interface PortOffer {
  dataplane: string;
  ports: MeshServicePort[];
  creationTime: string;
}

interface Found {
  readonly pairs: readonly string[];
  readonly dataplanes: readonly Dataplane[];
}

/**
 * The Dataplanes of a mesh in a zone, by what asks for them: MeshServices by a tag set or a name, the generation of MeshServices by the
 * services they offer. Kept up to date one by one; what did not change keeps its identity, by which it is seen that nothing has to be looked at.
 */
export class MeshDataplanes {
  readonly #byName = new Map<string, Dataplane>();
  readonly #byPair = new Map<string, Map<string, Dataplane>>();
  readonly #offers = new Map<string, Map<string, PortOffer>>();
  readonly #sortedOffers = new Map<string, readonly PortOffer[]>();
  /** Answers, by what was asked for, and which of them hang on a pair. */
  readonly #found = new Map<string, Found>();
  readonly #askedOf = new Map<string, Set<string>>();

  static of(dataplanes: readonly Dataplane[]): MeshDataplanes {
    const all = new MeshDataplanes();
    for (const dataplane of dataplanes) all.set(dataplane.name, dataplane);
    return all;
  }

  /** The Dataplane of that name is this one now; undefined = there is none. */
  set(name: string, now: Dataplane | undefined): void {
    const before = this.#byName.get(name);
    if (before === now) return;
    if (before) this.#remove(before);
    if (now) this.#add(now);
  }

  /** What is known of the Dataplane elsewhere has changed: what has it among others gets another identity. */
  touch(name: string): void {
    const dataplane = this.#byName.get(name);
    if (dataplane) for (const pair of pairsOf(dataplane)) this.#forget(pair);
  }

  /** An inbound with all of the tags, or a name. Equal questions get the same array until one of the Dataplanes is another or was touched. */
  selectedBy({ dataplaneRef, dataplaneTags }: MeshServiceSpec["selector"]): readonly Dataplane[] {
    const pairs = dataplaneRef ? [namePair(dataplaneRef.name ?? "")] : Object.entries(dataplaneTags ?? {}).map(pairText);
    const key = JSON.stringify(pairs);
    let found = this.#found.get(key);
    if (found === undefined) {
      this.#found.set(key, (found = { pairs, dataplanes: this.#find(pairs, dataplaneRef ? undefined : dataplaneTags) }));
      for (const pair of pairs) {
        const asked = this.#askedOf.get(pair);
        if (asked) asked.add(key);
        else this.#askedOf.set(pair, new Set([key]));
      }
    }
    return found.dataplanes;
  }

  /** Services that somebody offers and whose names can be hosts' names, sorted. */
  services(): string[] {
    return [...this.#offers.keys()].sort();
  }

  /** Who offers a service, the oldest Dataplane first; the same array until one of them is another. */
  offersOf(service: string): readonly PortOffer[] | undefined {
    let sorted = this.#sortedOffers.get(service);
    if (sorted === undefined) {
      const offers = this.#offers.get(service);
      if (offers === undefined) return undefined;
      sorted = [...offers.values()].sort((a, b) => compare(a.creationTime, b.creationTime) || compare(a.dataplane, b.dataplane));
      this.#sortedOffers.set(service, sorted);
    }
    return sorted;
  }

  #find(pairs: readonly string[], tags: Readonly<Record<string, string>> | undefined): readonly Dataplane[] {
    if (pairs.length === 0) return [];
    const sets = pairs.map((pair) => this.#byPair.get(pair) ?? new Map<string, Dataplane>());
    const fewest = sets.reduce((a, b) => (b.size < a.size ? b : a));
    const wanted = Object.entries(tags ?? {});
    return [...fewest.values()].filter(
      ({ spec }) => tags === undefined || inboundsOf(spec).some((inbound) => wanted.every(([key, value]) => inbound.tags[key] === value)),
    );
  }

  #add(dataplane: Dataplane): void {
    const { name } = dataplane;
    this.#byName.set(name, dataplane);
    for (const pair of pairsOf(dataplane)) {
      const known = this.#byPair.get(pair);
      if (known) known.set(name, dataplane);
      else this.#byPair.set(pair, new Map([[name, dataplane]]));
      this.#forget(pair);
    }
    for (const [service, ports] of offeredPorts(dataplane)) {
      const offers = this.#offers.get(service) ?? new Map<string, PortOffer>();
      this.#offers.set(service, offers.set(name, { dataplane: name, ports, creationTime: dataplane.creationTime }));
      this.#sortedOffers.delete(service);
    }
  }

  #remove(dataplane: Dataplane): void {
    const { name } = dataplane;
    this.#byName.delete(name);
    for (const pair of pairsOf(dataplane)) {
      const known = this.#byPair.get(pair)!;
      known.delete(name);
      if (known.size === 0) this.#byPair.delete(pair);
      this.#forget(pair);
    }
    for (const service of offeredPorts(dataplane).keys()) {
      const offers = this.#offers.get(service)!;
      offers.delete(name);
      if (offers.size === 0) this.#offers.delete(service);
      this.#sortedOffers.delete(service);
    }
  }

  #forget(pair: string): void {
    for (const key of this.#askedOf.get(pair) ?? []) {
      for (const other of this.#found.get(key)?.pairs ?? []) if (other !== pair) this.#askedOf.get(other)?.delete(key);
      this.#found.delete(key);
    }
    this.#askedOf.delete(pair);
  }
}

const inboundsOf = ({ networking }: DataplaneSpec) => networking.inbound ?? [];
const pairText = ([key, value]: [string, string]): string => `${key}=${value}`;
/** No tag begins with a space. */
const namePair = (name: string): string => ` ${name}`;

/** Dataplanes without an inbound are found by nobody. */
function pairsOf({ name, spec }: Dataplane): Set<string> {
  const inbounds = inboundsOf(spec);
  if (inbounds.length === 0) return new Set();
  return new Set([namePair(name), ...inbounds.flatMap(({ tags }) => Object.entries(tags).map(pairText))]);
}

/** What a Dataplane has for services that are made of it; those of a cluster's pods are made of its Services. */
function offeredPorts({ spec, labels }: Dataplane): Map<string, MeshServicePort[]> {
  const offered = new Map<string, MeshServicePort[]>();
  if (labels?.[label.env] === "kubernetes") return offered;
  for (const { name, port, tags, state } of inboundsOf(spec)) {
    const service = tags[tag.service];
    if (service === undefined || state === "Ignored" || !isServable(service)) continue;
    const ports = offered.get(service) ?? [];
    ports.push({ name: name || String(port), port, targetPort: port, appProtocol: tags[tag.protocol] ?? "tcp" });
    offered.set(service, ports);
  }
  return offered;
}

const servable = new Map<string, boolean>();

/** Remembered: of ten thousand inbounds, few names are new. */
function isServable(service: string): boolean {
  let known = servable.get(service);
  if (known === undefined) servable.set(service, (known = dnsLabelFaults(service).length === 0));
  return known;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
