import { equalJson, type VirtualIpOutbound } from "@atoll/resource";

export type NameKind = "service" | "host" | "fqdn";

const kinds: readonly NameKind[] = ["service", "host", "fqdn"];

export interface Name {
  kind: NameKind;
  name: string;
  /** By port; port 0 = none of its own. */
  offers: VirtualIpOutbound[];
}

/** Somebody who asks for a port of a name that another has. */
export interface NameConflict {
  name: string;
  port: number;
  tags: VirtualIpOutbound["tags"];
  origin: string;
  takenBy: string;
}

/** Collects who offers which port of which name. The first has it. */
export class NameTable {
  readonly #conflicts = new Map<string, NameConflict>();
  readonly #names = new Map<string, Name>();

  get conflicts(): NameConflict[] {
    return [...this.#conflicts.values()];
  }

  add(kind: NameKind, name: string, offer: VirtualIpOutbound): void {
    const record = `${kind}:${name}`;
    const entry = this.#names.get(record) ?? { kind, name, offers: [] };
    this.#names.set(record, entry);
    const index = entry.offers.findIndex(({ port }) => port === offer.port);
    const taken = entry.offers[index];
    if (taken === undefined) {
      entry.offers.push(offer);
      entry.offers.sort((a, b) => a.port - b.port);
      return;
    }
    if (equalJson(taken, offer)) return;
    const conflict = { name, port: offer.port, tags: offer.tags, origin: offer.origin, takenBy: taken.origin };
    this.#conflicts.set(JSON.stringify(conflict), conflict);
  }

  /** Services, hosts, then full names; each sorted. */
  names(): Name[] {
    const order = ({ kind }: Name): number => kinds.indexOf(kind);
    return [...this.#names.values()].sort((a, b) => order(a) - order(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }
}
