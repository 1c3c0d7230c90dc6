import type { WithheldPart } from "./withheld-parts.ts";

/** One fault, however many proxies it is withheld from. */
export interface WithheldReport {
  part: string;
  kind: string;
  reason: string;
  /** `Type/mesh/name` of the resources that the part is made from. */
  resources: string[];
  /** How many proxies of this server it is withheld from, and some of them. */
  proxies: number;
  examples: string[];
}

/** More are counted, but not told. */
const reportLimit = 100;
const exampleLimit = 3;

/** What is withheld from the proxies of one server, by fault. */
export class WithheldSummary {
  readonly #nodes = new Map<string, readonly WithheldPart[]>();
  readonly #tell: { withheld: (report: WithheldReport) => void; released: (report: WithheldReport) => void };
  #known = new Map<string, WithheldReport>();

  /** `tell` is called once for each fault that comes up, and that is gone from all proxies. */
  constructor(tell: { withheld: (report: WithheldReport) => void; released: (report: WithheldReport) => void }) {
    this.#tell = tell;
  }

  set(nodeId: string, parts: readonly WithheldPart[]): void {
    if (parts.length === 0) this.#nodes.delete(nodeId);
    else this.#nodes.set(nodeId, parts);
    const before = this.#known;
    this.#known = this.#collect();
    for (const [key, report] of this.#known) if (!before.has(key)) this.#tell.withheld(report);
    for (const [key, report] of before) if (!this.#known.has(key)) this.#tell.released(report);
  }

  /** How many parts of proxies are withheld. */
  get count(): number {
    let count = 0;
    for (const parts of this.#nodes.values()) count += parts.length;
    return count;
  }

  reports(): WithheldReport[] {
    return [...this.#known.values()].slice(0, reportLimit);
  }

  #collect(): Map<string, WithheldReport> {
    const reports = new Map<string, WithheldReport>();
    for (const [nodeId, parts] of this.#nodes) {
      for (const { part, kind, reason, from } of parts) {
        const resources = [...new Set(from.map(({ type, mesh, name }) => `${type}/${mesh}/${name}`))];
        const key = JSON.stringify([resources.length > 0 ? resources : part, kind, reason]);
        const known = reports.get(key);
        if (known === undefined) reports.set(key, { part, kind, reason, resources, proxies: 1, examples: [nodeId] });
        else if (known.examples.at(-1) !== nodeId) {
          known.proxies += 1;
          if (known.examples.length < exampleLimit) known.examples.push(nodeId);
        }
      }
    }
    return reports;
  }
}
