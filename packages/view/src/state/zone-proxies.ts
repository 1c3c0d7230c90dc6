import { Table, type FactGraph, type Index, type IndexEntry } from "@atoll/facts";
import { tagSetsOf } from "@atoll/resource";
import type { DataplaneSpec, Resource, ResourceKey, ZoneEgressSpec } from "@atoll/resource";
import { inboundInterfaces, isBuiltinGateway } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import { isGone } from "../gone.ts";
import type { Reader } from "../inputs.ts";
import { serviceTag } from "../names.ts";
import type { ResourceIndex, StateTables } from "./state-tables.ts";

/** Workloads by the services of their inbounds, ready or not. */
const byInbound: ResourceIndex<DataplaneSpec> = {
  type: "Dataplane",
  *entriesOf(dataplane) {
    if (dataplane.spec.networking.gateway) return;
    const services = new Set(inboundInterfaces(dataplane).map(({ tags }) => tags[serviceTag] ?? ""));
    for (const group of services) yield { group, value: dataplane };
  },
};

const builtin = "builtin gateway";
const byKind: ResourceIndex<DataplaneSpec> = {
  type: "Dataplane",
  entriesOf: (dataplane) => (isBuiltinGateway(dataplane) ? [{ group: builtin, value: dataplane }] : []),
};

interface Gone {
  table: Table<Resource>;
  byDuty: Index<Resource, string>;
}

/** The proxies of this zone, and which of them have gone, as facts read them: by what they serve. */
export class ZoneProxies {
  readonly #graph: FactGraph;
  readonly #reader: Reader;
  readonly #tables: StateTables;
  readonly #gone = new Map<string, Gone>();

  constructor(graph: FactGraph, reader: Reader, tables: StateTables) {
    this.#graph = graph;
    this.#reader = reader;
    this.#tables = tables;
  }

  /** All Dataplanes of a mesh. Whoever reads this is made anew with every change of any: ask for those of a service. */
  dataplanes(mesh: string): readonly Dataplane[] {
    return this.#tables.list<DataplaneSpec>("Dataplane", mesh);
  }

  /** Workloads with an inbound of the service. */
  workloadsOf(mesh: string, service: string): readonly Dataplane[] {
    return this.#tables.index(byInbound, mesh).of(service) as readonly Dataplane[];
  }

  /** Services that inbounds in this zone have, sorted. */
  services(mesh: string): readonly string[] {
    return this.#tables.index(byInbound, mesh).groups();
  }

  builtinGateways(mesh: string): readonly Dataplane[] {
    return this.#tables.index(byKind, mesh).of(builtin) as readonly Dataplane[];
  }

  egresses(): readonly Resource<ZoneEgressSpec>[] {
    return this.#tables.list<ZoneEgressSpec>("ZoneEgress");
  }

  /** Names of Dataplanes with the service whose every stream has ended. Insights that say nothing new of that are not noticed. */
  gone(mesh: string, service: string): ReadonlySet<string> {
    return new Set(this.#goneOf("Dataplane", mesh).byDuty.of(service));
  }

  /** The same of egresses. */
  goneEgresses(): ReadonlySet<string> {
    return new Set(this.#goneOf("ZoneEgress", "").byDuty.of(""));
  }

  /** To be called after the tables were told. */
  changed({ type, mesh, name }: ResourceKey): void {
    const proxyType = type.endsWith("Insight") ? type.slice(0, -"Insight".length) : type;
    this.#gone.get(`${proxyType}/${mesh}`)?.table.changed(name);
  }

  #goneOf(type: string, mesh: string): Gone {
    const key = `${type}/${mesh}`;
    let gone = this.#gone.get(key);
    if (gone === undefined) {
      const reader = this.#reader;
      const ifGone = (proxy: Resource | undefined): Resource | undefined => (proxy && isGone(reader, proxy) ? proxy : undefined);
      const table = new Table<Resource>(this.#graph, {
        get: (name) => ifGone(reader.get(type, mesh, name)),
        list: () => reader.list(type, mesh).flatMap((one) => (ifGone(one) ? [[one.name, one] as const] : [])),
      });
      gone = { table, byDuty: table.index(dutiesOf) };
      this.#gone.set(key, gone);
    }
    return gone;
  }
}

/** Services for a Dataplane; an egress has but one duty. */
function* dutiesOf({ type, name, spec }: Resource): Generator<IndexEntry<string>> {
  if (type !== "Dataplane") {
    yield { group: "", value: name };
    return;
  }
  const services = new Set(tagSetsOf(spec as DataplaneSpec).map((tags) => tags[serviceTag] ?? ""));
  for (const group of services) yield { group, value: name };
}
