import "@atoll/translate";
import { join } from "node:path";
import { createLogger } from "@atoll/runtime";
import { globalSettings, startGlobal } from "@atoll/service-global";
import { startTokensProcess, tokensSettings } from "@atoll/service-tokens";
import { startXds, xdsSettings } from "@atoll/service-xds";
import { startZone, zoneSettings } from "@atoll/service-zone";
import type { Simulation } from "../world/simulation.ts";
import type { Process } from "../world/world.ts";

/** A service of the cluster: its machine runs it, and starts it again when it ends. */
export interface Service {
  readonly name: string;
  readonly kind: "global" | "tokens" | "zone" | "xds";
  readonly zone: string;
  /** Starts it in the process that runs. */
  open(): Promise<{ close(): Promise<void> }>;
  process: Process | undefined;
  /** It has begun to serve. */
  ready: boolean;
  /** Kept down by a fault. */
  held: boolean;
}

export interface ClusterShape {
  zones: readonly string[];
  syncServices: number;
  xdsServers: number;
}

const restartAfterMs = 1_000;

/** The services as people run them, each on a machine of its own. */
export class Cluster {
  readonly simulation: Simulation;
  readonly shape: ClusterShape;
  readonly services: Service[] = [];
  /** Told of each line that a service logs. */
  onLog: (service: Service, line: Record<string, unknown>) => void = () => undefined;
  readonly #zoneTokens = new Map<string, string>();

  constructor(simulation: Simulation, shape: ClusterShape) {
    this.simulation = simulation;
    this.shape = shape;
    this.#add({ name: "global", kind: "global", zone: "", open: () => this.#openGlobal() });
    this.#add({ name: "tokens", kind: "tokens", zone: "", open: () => this.#openTokens() });
    for (const zone of shape.zones) {
      for (let one = 1; one <= shape.syncServices; one += 1) {
        this.#add({ name: `${zone}-sync-${one}`, kind: "zone", zone, open: () => this.#openZone(`${zone}-sync-${one}`, zone) });
      }
      for (let one = 1; one <= shape.xdsServers; one += 1) {
        this.#add({ name: `${zone}-xds-${one}`, kind: "xds", zone, open: () => this.#openXds(`${zone}-xds-${one}`, zone) });
      }
    }
  }

  of(kind: Service["kind"], zone?: string): Service[] {
    return this.services.filter((one) => one.kind === kind && (zone === undefined || one.zone === zone));
  }

  setZoneToken(zone: string, token: string): void {
    this.#zoneTokens.set(zone, token);
  }

  start(service: Service): void {
    const { world } = this.simulation;
    const process = world.start(world.host(service.name));
    service.process = process;
    service.ready = false;
    world.trace(`${service.name} starts`);
    world.as(process, () => {
      service.open().then(
        () => {
          world.trace(`${service.name} is ready`);
          service.ready = true;
        },
        (error: Error) => {
          world.trace(`${service.name} cannot start: ${error.message}`);
          this.kill(service);
          this.#startLater(service);
        },
      );
    });
  }

  /** As by SIGKILL: nothing is closed. */
  kill(service: Service): void {
    const { process } = service;
    if (!process || process.dead) return;
    const { world, network } = this.simulation;
    world.trace(`${service.name} is killed`);
    process.dead = true;
    service.ready = false;
    network.died(process);
    this.simulation.disk(process.host).released();
  }

  /** The machine stops: what was not synced may be lost. */
  losePower(service: Service): void {
    const { process } = service;
    if (!process || process.dead) return;
    this.simulation.world.trace(`${service.name} loses power`);
    this.kill(service);
    process.host.boot += 1;
    this.simulation.disk(process.host).losePower(this.simulation.world);
  }

  #startLater(service: Service): void {
    this.simulation.world.schedule(
      restartAfterMs,
      () => {
        if (!service.held && service.process?.dead !== false) this.start(service);
      },
      null,
    );
  }

  #add(one: Pick<Service, "name" | "kind" | "zone" | "open">): void {
    this.services.push({ ...one, process: undefined, ready: false, held: false });
  }

  #folder(name: string): string {
    return this.simulation.disk(this.simulation.world.host(name)).folder;
  }

  #logger(name: string) {
    const service = this.services.find((one) => one.name === name)!;
    return createLogger(name, "info", { write: (line: string) => this.onLog(service, JSON.parse(line) as Record<string, unknown>) });
  }

  #openGlobal(): Promise<{ close(): Promise<void> }> {
    const settings = globalSettings.parse({
      general: { workDir: this.#folder("global") },
      apiServer: { https: { enabled: false }, gui: { enabled: false } },
      multizone: { global: { kds: { advertisedAddress: "grpcs://global:5685" } } },
      tokens: { url: "http://tokens:5684" },
      snapshots: { everyRecords: 50 },
      defaults: { skipMeshCreation: true },
    });
    return startGlobal(settings, this.#logger("global"));
  }

  #openTokens(): Promise<{ close(): Promise<void> }> {
    const settings = tokensSettings.parse({
      general: { workDir: this.#folder("global") },
      tokens: { interface: "127.0.0.1" },
      global: { address: "grpcs://global:5685", tlsSkipVerify: true },
    });
    return startTokensProcess(settings, this.#logger("tokens"));
  }

  #openZone(name: string, zone: string): Promise<{ close(): Promise<void> }> {
    const settings = zoneSettings.parse({
      general: { workDir: this.#folder(name) },
      apiServer: { https: { enabled: false }, gui: { enabled: false } },
      multizone: {
        zone: {
          name: zone,
          globalAddress: "grpcs://global:5685",
          kds: { tlsSkipVerify: true },
          token: this.#zoneTokens.get(zone),
        },
      },
      relay: { advertisedAddress: `grpcs://${name}:5686` },
      tokens: { url: "http://tokens:5684" },
      monitoringAssignmentServer: { port: 0 },
    });
    return startZone(settings, this.#logger(name));
  }

  #openXds(name: string, zone: string): Promise<{ close(): Promise<void> }> {
    const addresses = this.of("zone", zone).map((one) => `grpcs://${one.name}:5686`);
    const settings = xdsSettings.parse({
      general: { workDir: join(this.#folder(name), "work"), instanceId: name },
      multizone: { zone: { name: zone, token: this.#zoneTokens.get(zone) } },
      zone: { address: addresses.join(","), tlsSkipVerify: true },
    });
    return startXds(settings, this.#logger(name));
  }
}
