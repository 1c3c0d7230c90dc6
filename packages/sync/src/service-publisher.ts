import {
  generatedBy,
  generateMeshServices,
  MeshDataplanes,
  planServiceRecords,
  type HostnameGenerator,
  type MeshServiceResource,
  type ServiceMesh,
  type SharedService,
  zoneServices,
} from "@atoll/names";
import { type ChangeEvent, type WatchedReader, type ZoneReplica } from "@atoll/replica";
import {
  copyFromGlobal,
  copyFromOtherZone,
  isOnline,
  label,
  parseKeyString,
  serviceRecordType,
  type DataplaneInsightSpec,
  type DataplaneSpec,
  type HostnameGeneratorSpec,
  type KeyString,
  type MeshServiceSpec,
  type MeshSpec,
  type ServiceRecordSpec,
  type ServiceType,
  zoneHostnameGenerators,
} from "@atoll/resource";
import { watchTypes } from "./availability-publisher.ts";
import type { InventoryFeed } from "./inventory-feed.ts";
import type { Schedule } from "./liveness-judge.ts";
import type { SharedResource } from "./inventory-records.ts";
import { Recomputation } from "./recomputation.ts";

export interface ServiceSettings {
  /** Ranges of the addresses that services get. */
  cidrs: Readonly<Record<ServiceType, string>>;
  /** How long a generated MeshService outlives its last Dataplane. */
  deletionGracePeriodMs: number;
  /** Whether the generators that a zone begins with are made where they are missing. */
  defaultHostnameGenerators: boolean;
  /** Where the zone's workloads run, which says what generators it begins with. */
  environment: "universal" | "kubernetes";
}

export interface ServicePublisherOptions {
  zone: string;
  settings: ServiceSettings;
  /** Gives and takes nothing while its revision is 0: without the meshes there is nothing to judge by. */
  config: WatchedReader & { readonly revision: number };
  /** Where the MeshServices and records are; nobody else writes the records. */
  resources: ZoneReplica;
  feed: Pick<InventoryFeed, "shared" | "watchShared">;
  clock: () => number;
  schedule: Schedule;
  signal: AbortSignal;
  onError: (error: unknown) => void;
  /** Told once of each service whose Dataplanes disagree on its ports. */
  onConflict: (mesh: string, conflict: { service: string; dataplanes: string[] }) => void;
}

const watchedTypes = new Set([
  "Mesh",
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "HostnameGenerator",
  serviceRecordType,
]);
/** Over all meshes. */
const keepUnused = 5_000;
const modeOf = (spec: MeshSpec | undefined): string => spec?.meshServices?.mode ?? "Disabled";
const longestTimerMs = 2 ** 31 - 1;

/**
 * Keeps the zone's generated MeshServices, and the records of all services that its workloads may call, equal to what the zone has: computed
 * on change, from the records as they are, so that an address or a name once given stays; only differences are written.
 */
export class ServicePublisher {
  readonly #options: ServicePublisherOptions;
  readonly #recomputation: Recomputation;
  readonly #reported = new Set<string>();
  #hasDefaults = false;
  readonly #dataplanes = new Map<string, MeshDataplanes>();
  /** Other zones' services in this zone's words; what did not change keeps its identity. */
  readonly #seen = new WeakMap<SharedResource, SharedService>();
  /** What of each proxy's insight counts here. */
  readonly #insights = new Map<string, string>();
  #cancelTimer: (() => void) | undefined;

  constructor(options: ServicePublisherOptions) {
    const { config, resources, feed, signal, onError } = options;
    this.#options = options;
    this.#recomputation = new Recomputation(() => this.#publish(), signal, onError);
    for (const dataplane of resources.list<DataplaneSpec>("Dataplane")) this.#dataplanesOf(dataplane.mesh).set(dataplane.name, dataplane);
    const refresh = (): void => this.#recomputation.request();
    const unwatch = [
      ...watchTypes(watchedTypes, [config, resources], refresh),
      resources.watch((event) => this.#lookAtProxies(event)),
      feed.watchShared(refresh),
    ];
    const end = (): void => {
      for (const stop of unwatch) stop();
      this.#cancelTimer?.();
    };
    signal.addEventListener("abort", end, { once: true });
  }

  get isBehind(): boolean {
    return this.#recomputation.isBehind;
  }

  refresh(): void {
    this.#recomputation.request();
  }

  /** Resolves when what follows from everything that is known now is in the log. */
  settled(): Promise<void> {
    return this.#recomputation.settled();
  }

  #lookAtProxies({ keys }: ChangeEvent): void {
    const { resources } = this.#options;
    for (const text of keys) {
      const { type, mesh, name } = parseKeyString(text);
      if (type === "Dataplane") this.#dataplanesOf(mesh).set(name, resources.get<DataplaneSpec>(type, mesh, name));
      else if (type === "DataplaneInsight" && this.#hasNews(text)) this.#dataplanesOf(mesh).touch(name);
      else continue;
      if (this.#looksAtDataplanes(mesh)) this.refresh();
    }
  }

  /** An insight is written with every answer of an Envoy, and says something new here only when its proxy comes, goes, or gets its identity. */
  #hasNews(text: KeyString): boolean {
    const { type, mesh, name } = parseKeyString(text);
    const insight = this.#options.resources.get<DataplaneInsightSpec>(type, mesh, name)?.spec;
    const counts = insight === undefined ? "" : `${isOnline(insight)} ${insight.mTLS?.issuedBackend ?? ""}`;
    if ((this.#insights.get(text) ?? "") === counts) return false;
    if (counts === "") this.#insights.delete(text);
    else this.#insights.set(text, counts);
    return true;
  }

  /** Whether anything follows from a mesh's Dataplanes: a mesh without MeshServices, and in which none are made, has none to look at them. */
  #looksAtDataplanes(mesh: string): boolean {
    const { config, resources } = this.#options;
    return modeOf(config.get<MeshSpec>("Mesh", "", mesh)?.spec) !== "Disabled" || resources.list("MeshService", mesh).length > 0;
  }

  #dataplanesOf(mesh: string): MeshDataplanes {
    let dataplanes = this.#dataplanes.get(mesh);
    if (dataplanes === undefined) this.#dataplanes.set(mesh, (dataplanes = new MeshDataplanes()));
    return dataplanes;
  }

  async #publish(): Promise<void> {
    if (this.#options.config.revision === 0) return;
    await this.#createDefaults();
    await this.#generate();
    await this.#record();
  }

  /** Once in each run, as in Kuma: who deletes one has it back after a restart, unless the setting says otherwise. */
  async #createDefaults(): Promise<void> {
    const { resources, settings, signal } = this.#options;
    if (this.#hasDefaults || !settings.defaultHostnameGenerators) return;
    for (const generator of zoneHostnameGenerators[settings.environment]) {
      if (resources.get(generator.type, generator.mesh, generator.name) === undefined) await resources.put(generator, { signal });
    }
    this.#hasDefaults = true;
  }

  async #generate(): Promise<void> {
    const { zone, config, resources, settings, clock, signal, onConflict } = this.#options;
    const writes: Promise<unknown>[] = [];
    let nextDueMs = Infinity;
    for (const { name: mesh, spec } of config.list<MeshSpec>("Mesh")) {
      const plan = generateMeshServices({
        zone,
        mesh,
        mode: modeOf(spec),
        dataplanes: this.#dataplanesOf(mesh),
        present: resources.list("MeshService", mesh) as readonly MeshServiceResource[],
        nowMs: clock(),
        gracePeriodMs: settings.deletionGracePeriodMs,
      });
      for (const draft of plan.put) writes.push(resources.put(draft, { signal }));
      for (const name of plan.delete) writes.push(resources.delete({ type: "MeshService", mesh, name }, { signal }));
      for (const conflict of plan.conflicts) {
        const key = JSON.stringify([mesh, conflict]);
        if (!this.#reported.has(key)) onConflict(mesh, conflict);
        this.#reported.add(key);
      }
      nextDueMs = Math.min(nextDueMs, plan.nextDueMs ?? Infinity);
    }
    for (const { type, mesh, name, labels } of resources.list("MeshService")) {
      if (labels?.[label.managedBy] !== generatedBy || config.get("Mesh", "", mesh)) continue;
      writes.push(resources.delete({ type, mesh, name }, { signal }));
    }
    await Promise.all(writes);
    this.#wakeAt(nextDueMs);
  }

  #wakeAt(dueMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { clock, schedule, signal } = this.#options;
    if (dueMs === Infinity || signal.aborted) return;
    const delayMs = Math.min(Math.max(0, dueMs - clock()), longestTimerMs);
    this.#cancelTimer = schedule(() => this.refresh(), delayMs);
  }

  async #record(): Promise<void> {
    const { zone, config, resources, settings, signal, onError } = this.#options;
    const plan = planServiceRecords({
      zone,
      cidrs: settings.cidrs,
      meshes: this.#meshes(),
      generators: this.#generators(),
      present: resources.list<ServiceRecordSpec>(serviceRecordType),
      keepUnused,
    });
    const meshes = new Set(config.list("Mesh").map(({ name }) => name));
    const gone = resources.list(serviceRecordType).filter(({ mesh }) => !meshes.has(mesh));
    await Promise.all([
      ...plan.put
        .filter(({ mesh }) => meshes.has(mesh))
        .map(({ mesh, name, spec }) => resources.put<ServiceRecordSpec>({ type: serviceRecordType, mesh, name, spec }, { signal })),
      ...[...plan.delete, ...gone].map(({ mesh, name }) => resources.delete({ type: serviceRecordType, mesh, name }, { signal })),
    ]);
    if (plan.without.length > 0) {
      const services = plan.without.map(({ mesh, name }) => `${mesh}/${name}`);
      onError(new Error(`there is no address left for services: ${services.join(", ")}`));
    }
  }

  #meshes(): ServiceMesh[] {
    const { config, resources } = this.#options;
    return config.list<MeshSpec>("Mesh").map(({ name: mesh, spec }) => {
      const shared = this.#shared(mesh);
      return {
        name: mesh,
        hasMutualTls: Boolean(spec.mtls?.enabledBackend),
        services: zoneServices(mesh, { config, zoneResources: resources, shared }),
        shared,
        dataplanes: this.#dataplanesOf(mesh),
        insightOf: (name) => resources.get<DataplaneInsightSpec>("DataplaneInsight", mesh, name)?.spec,
      };
    });
  }

  #shared(mesh: string): SharedService[] {
    return this.#options.feed.shared().flatMap(({ zone, resource }) => {
      if (resource.type !== "MeshService" || resource.mesh !== mesh) return [];
      let seen = this.#seen.get(resource);
      if (seen === undefined) this.#seen.set(resource, (seen = asSeenHere(zone, resource)));
      return [seen];
    });
  }

  #generators(): HostnameGenerator[] {
    const { config, resources } = this.#options;
    return [
      ...resources.list<HostnameGeneratorSpec>("HostnameGenerator"),
      ...config.list<HostnameGeneratorSpec>("HostnameGenerator").map((one) => ({ ...one, ...copyFromGlobal(one) })),
    ];
  }
}

function asSeenHere(zone: string, resource: SharedResource): SharedService {
  const { name, labels } = copyFromOtherZone(resource, zone);
  const { spec, creationTime } = resource;
  return { name, remote: { zone, labels, spec: spec as MeshServiceSpec, creationTime } };
}
