import { type EventLog, type NewRecord, topics } from "@atoll/event-log";
import {
  type DataplaneIntent,
  type ExternalServiceIntent,
  type MeshGatewayIntent,
  type MeshIntent,
  type InventoryKey,
  ZoneOffers,
  entryContent,
} from "@atoll/inventory";
import { type ChangeEvent, type WatchedReader, WriterFence, encodeJson, joinReaders, readToHead } from "@atoll/replica";
import { type DataplaneInsightSpec, isOffline, type KeyString, keyString, parseKeyString } from "@atoll/resource";
import { Recomputation } from "./recomputation.ts";
import {
  entryKeyOf,
  entryRecordKeyOf,
  ingressNameOf,
  ingressRecordKey,
  isOffer,
  resourceKeyOf,
  resourceRecordKey,
} from "./inventory-records.ts";
import { sharedKeyOf, sharedResource, sharedResources } from "./shared-resources.ts";

interface ZoneIngressIntent {
  zone?: string;
  networking?: { address?: string; port?: number; advertisedAddress?: string; advertisedPort?: number; admin?: { port?: number } };
}

export interface AvailabilityPublisherOptions {
  zone: string;
  log: EventLog;
  /** Offers nothing new while its revision is 0: without the meshes there is nothing to judge by, and absence is not deletion. */
  config: WatchedReader & { readonly revision: number };
  resources: WatchedReader;
  signal: AbortSignal;
  onError: (error: unknown) => void;
}

const dataplaneType = "Dataplane";
const insightType = "DataplaneInsight";
/** Of which each may concern all that the zone offers. */
const generalTypes = new Set(["Mesh", "ExternalService", "MeshGateway"]);

/** Calls `refresh` when a resource of one of the types changes in any of the readers. Returns what ends it. */
export function watchTypes(types: ReadonlySet<string>, readers: readonly WatchedReader[], refresh: () => void): (() => void)[] {
  const onChange = ({ keys }: ChangeEvent): void => {
    if (keys.some((key) => types.has(key.slice(0, key.indexOf("/"))))) refresh();
  };
  return readers.map((reader) => reader.watch(onChange));
}

/**
 * Keeps the offers in a zone's inventory topic equal to what its resources say. A change costs the records that it can be in: those are made
 * anew, and appended where they differ.
 */
export class AvailabilityPublisher {
  readonly #options: AvailabilityPublisherOptions;
  /** Records as they are in the log: key to JSON. Undefined = to be read. */
  #published: Map<string, string> | undefined;
  /** Undefined = to be counted anew. */
  #offers: ZoneOffers | undefined;
  /** Keys of records that may not be as they should; undefined = any of them. */
  #due: Set<string> | undefined;
  /** Insights of dataplanes whose streams have all ended. */
  readonly #gone = new Set<KeyString>();
  readonly #recomputation: Recomputation;

  constructor(options: AvailabilityPublisherOptions) {
    this.#options = options;
    const { config, resources, signal, onError } = options;
    this.#recomputation = new Recomputation(() => this.#publishOrForget(), signal, onError);
    for (const insight of resources.list(insightType)) this.#noteGone(keyString(insight));
    const note = ({ keys }: ChangeEvent): void => {
      // Counters of insights change all the time; most changes concern nothing that is offered.
      const concerned = keys.filter((key) => this.#note(key)).length > 0;
      if (concerned) this.#recomputation.request();
    };
    const unwatch = [config.watch(note), resources.watch(note)];
    signal.addEventListener("abort", () => unwatch.forEach((stop) => stop()), { once: true });
  }

  get isBehind(): boolean {
    return this.#recomputation.isBehind;
  }

  /** Looks at everything. */
  refresh(): void {
    this.#forget();
    this.#recomputation.request();
  }

  /** Resolves when everything that is known now is in the log. */
  settled(): Promise<void> {
    return this.#recomputation.settled();
  }

  /** Whether it concerns what the zone offers. */
  #note(text: KeyString): boolean {
    const key = parseKeyString(text);
    const { type, mesh, name } = key;
    if (generalTypes.has(type)) {
      this.#forget();
      return true;
    }
    if (type === dataplaneType || (type === insightType && this.#noteGone(text))) return this.#noteDataplane(mesh, name);
    if (type === "ZoneIngress") return this.#mark(ingressRecordKey(name));
    const shared = sharedKeyOf(key);
    return shared !== undefined && this.#mark(resourceRecordKey(shared));
  }

  /** Whether it has become another. */
  #noteGone(insight: KeyString): boolean {
    const { mesh, name } = parseKeyString(insight);
    const gone = isOffline(this.#options.resources.get<DataplaneInsightSpec>(insightType, mesh, name)?.spec);
    if (gone === this.#gone.has(insight)) return false;
    if (gone) this.#gone.add(insight);
    else this.#gone.delete(insight);
    return true;
  }

  #noteDataplane(mesh: string, name: string): boolean {
    if (this.#offers === undefined) return true;
    const dataplane = this.#options.resources.get<DataplaneIntent>(dataplaneType, mesh, name);
    const changed = this.#offers.setDataplane(mesh, name, dataplane, this.#isGone({ mesh, name }));
    for (const key of changed) this.#mark(entryRecordKeyOf(key));
    return changed.size > 0;
  }

  #isGone({ mesh, name }: { mesh: string; name: string }): boolean {
    return this.#gone.has(keyString({ type: insightType, mesh, name }));
  }

  #mark(record: string): true {
    this.#due?.add(record);
    return true;
  }

  #forget(): void {
    this.#offers = undefined;
    this.#due = undefined;
  }

  async #publishOrForget(): Promise<void> {
    try {
      await this.#publish();
    } catch (error) {
      // Unknown what came through: it is read back before the next look.
      this.#published = undefined;
      this.#forget();
      throw error;
    }
  }

  async #publish(): Promise<void> {
    const { log, zone, config } = this.#options;
    if (config.revision === 0) return;
    const published = (this.#published ??= await this.#read());
    const offers = (this.#offers ??= this.#count());
    const due = this.#due ?? this.#allRecords(offers, published);
    // What is noted from here on belongs to the next look.
    this.#due = new Set();
    const records: NewRecord[] = [];
    const texts = new Map<string, string | undefined>();
    for (const key of due) {
      const value = this.#valueOf(key, offers);
      const text = value && JSON.stringify(value);
      if (published.get(key) === text) continue;
      records.push({ key, value: value ? encodeJson(value) : null });
      texts.set(key, text);
    }
    if (records.length === 0) return;
    // What is missing after a crash of the machine is computed again.
    await log.append(topics.inventory(zone), records, { durable: false });
    for (const [key, text] of texts) {
      if (text === undefined) published.delete(key);
      else published.set(key, text);
    }
  }

  #count(): ZoneOffers {
    const { zone, config, resources } = this.#options;
    return new ZoneOffers({
      zone,
      meshes: config.list<MeshIntent>("Mesh"),
      dataplanes: resources.list<DataplaneIntent>(dataplaneType),
      isGone: (dataplane) => this.#isGone(dataplane),
      externalServices: config.list<ExternalServiceIntent>("ExternalService"),
      meshGateways: joinReaders(config, resources).list<MeshGatewayIntent>("MeshGateway"),
    });
  }

  /** Those that are in the log, or should be. */
  #allRecords(offers: ZoneOffers, published: ReadonlyMap<string, string>): Set<string> {
    const { resources } = this.#options;
    return new Set([
      ...[...offers.keys()].map(entryRecordKeyOf),
      ...resources.list("ZoneIngress").map(({ name }) => ingressRecordKey(name)),
      ...sharedResources(resources).map(resourceRecordKey),
      ...published.keys(),
    ]);
  }

  #valueOf(record: string, offers: ZoneOffers): object | undefined {
    const entry: InventoryKey | undefined = entryKeyOf(record);
    if (entry !== undefined) {
      const found = offers.entry(entry);
      return found && entryContent(found);
    }
    const ingress = ingressNameOf(record);
    if (ingress !== undefined) return this.#ingress(ingress);
    const resource = resourceKeyOf(record);
    return resource && sharedResource(this.#options.resources, resource);
  }

  #ingress(name: string): object | undefined {
    const { zone, resources } = this.#options;
    const spec = resources.get<ZoneIngressIntent>("ZoneIngress", "", name)?.spec;
    const { address = "", port = 0, admin, advertisedAddress, advertisedPort } = spec?.networking ?? {};
    if (!advertisedAddress || !advertisedPort || (spec?.zone && spec.zone !== zone)) return undefined;
    return { advertisedAddress, advertisedPort, networking: { address, port, ...(admin && { admin }) } };
  }

  async #read(): Promise<Map<string, string>> {
    const { log, zone, signal } = this.#options;
    const found = new Map<string, string>();
    const fence = new WriterFence();
    for await (const batch of readToHead(log, topics.inventory(zone), 0, signal)) {
      for (const record of batch) {
        const { key, value } = record;
        if (!fence.admits(record) || key === null || !isOffer(key)) continue;
        if (value) found.set(key, new TextDecoder().decode(value));
        else found.delete(key);
      }
    }
    return found;
  }
}
