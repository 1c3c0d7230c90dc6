import { type EventLog, type NewRecord, topics } from "@atoll/event-log";
import {
  type DataplaneIntent,
  type ExternalServiceIntent,
  type MeshGatewayIntent,
  type MeshIntent,
  computeAvailableServices,
  entryContent,
} from "@atoll/inventory";
import { type ChangeEvent, type ResourceReader, WriterFence, encodeJson, joinReaders, readToHead } from "@atoll/replica";
import { type DataplaneInsightSpec, isOffline, type KeyString, keyString, parseKeyString } from "@atoll/resource";
import { Recomputation } from "./recomputation.ts";
import { entryRecordKey, ingressRecordKey, isOffer, resourceRecordKey } from "./inventory-records.ts";
import { sharedResources, sharedTypes } from "./shared-resources.ts";

interface ZoneIngressIntent {
  zone?: string;
  networking?: { address?: string; port?: number; advertisedAddress?: string; advertisedPort?: number; admin?: { port?: number } };
}

export interface WatchedReader extends ResourceReader {
  watch(listener: (event: ChangeEvent) => void): () => void;
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

const insightType = "DataplaneInsight";
const watchedTypes = new Set(["Mesh", "ExternalService", "MeshGateway", "Dataplane", "ZoneIngress", ...sharedTypes]);

/** Calls `refresh` when a resource of one of the types changes in any of the readers. Returns what ends it. */
export function watchTypes(types: ReadonlySet<string>, readers: readonly WatchedReader[], refresh: () => void): (() => void)[] {
  const onChange = ({ keys }: ChangeEvent): void => {
    if (keys.some((key) => types.has(key.slice(0, key.indexOf("/"))))) refresh();
  };
  return readers.map((reader) => reader.watch(onChange));
}

/** Keeps the offers in a zone's inventory topic equal to what its resources say: computed on change, only differences are appended. */
export class AvailabilityPublisher {
  readonly #options: AvailabilityPublisherOptions;
  /** Records as they are in the log: key to JSON. Undefined = to be read. */
  #published: Map<string, string> | undefined;
  /** Insights of dataplanes whose streams have all ended. */
  readonly #gone = new Set<KeyString>();
  readonly #recomputation: Recomputation;

  constructor(options: AvailabilityPublisherOptions) {
    this.#options = options;
    const { config, resources, signal, onError } = options;
    this.#recomputation = new Recomputation(() => this.#publishOrForget(), signal, onError);
    for (const insight of resources.list(insightType)) this.#noteGone(keyString(insight));
    const unwatch = [
      ...watchTypes(watchedTypes, [config, resources], () => this.refresh()),
      resources.watch(({ keys }) => {
        // Its counters change all the time.
        const changed = keys.filter((key) => key.startsWith(`${insightType}/`) && this.#noteGone(key));
        if (changed.length > 0) this.refresh();
      }),
    ];
    signal.addEventListener("abort", () => unwatch.forEach((stop) => stop()), { once: true });
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

  get isBehind(): boolean {
    return this.#recomputation.isBehind;
  }

  refresh(): void {
    this.#recomputation.request();
  }

  /** Resolves when everything that is known now is in the log. */
  settled(): Promise<void> {
    return this.#recomputation.settled();
  }

  async #publishOrForget(): Promise<void> {
    try {
      await this.#publish();
    } catch (error) {
      // Unknown what came through: it is read back before the next look.
      this.#published = undefined;
      throw error;
    }
  }

  async #publish(): Promise<void> {
    const { log, zone, config } = this.#options;
    if (config.revision === 0) return;
    const published = (this.#published ??= await this.#read());
    const offers = this.#offers();
    const records: NewRecord[] = [];
    for (const [key, value] of offers) {
      const text = JSON.stringify(value);
      if (published.get(key) === text) continue;
      records.push({ key, value: encodeJson(value) });
    }
    for (const key of published.keys()) if (!offers.has(key)) records.push({ key, value: null });
    if (records.length === 0) return;
    // What is missing after a crash of the machine is computed again.
    await log.append(topics.inventory(zone), records, { durable: false });
    this.#published = new Map([...offers].map(([key, value]) => [key, JSON.stringify(value)]));
  }

  #offers(): Map<string, object> {
    const { zone, config, resources } = this.#options;
    const offers = new Map<string, object>();
    const entries = computeAvailableServices({
      zone,
      meshes: config.list<MeshIntent>("Mesh"),
      dataplanes: resources.list<DataplaneIntent>("Dataplane"),
      isGone: ({ mesh, name }) => this.#gone.has(keyString({ type: "DataplaneInsight", mesh, name })),
      externalServices: config.list<ExternalServiceIntent>("ExternalService"),
      meshGateways: joinReaders(config, resources).list<MeshGatewayIntent>("MeshGateway"),
    });
    for (const entry of entries) offers.set(entryRecordKey(entry), entryContent(entry));
    for (const { name, spec } of resources.list<ZoneIngressIntent>("ZoneIngress")) {
      const { address = "", port = 0, admin, advertisedAddress, advertisedPort } = spec.networking ?? {};
      if (spec.zone && spec.zone !== zone) continue;
      const networking = { address, port, ...(admin && { admin }) };
      if (advertisedAddress && advertisedPort) offers.set(ingressRecordKey(name), { advertisedAddress, advertisedPort, networking });
    }
    for (const resource of sharedResources(resources)) offers.set(resourceRecordKey(resource), resource);
    return offers;
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
