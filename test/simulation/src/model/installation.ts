import type { Random } from "../world/random.ts";
import type { Simulation } from "../world/simulation.ts";
import { Cluster, type ClusterShape, type Service } from "./cluster.ts";
import { SimulatedEnvoy } from "./envoy.ts";
import { Operator } from "./operator.ts";

const services = ["front", "back"];

/** A cluster with its proxies and whoever writes to it. */
export class Installation {
  readonly simulation: Simulation;
  readonly cluster: Cluster;
  readonly operator: Operator;
  readonly envoys: SimulatedEnvoy[] = [];
  readonly random: Random;

  constructor(simulation: Simulation, shape: ClusterShape, meshes: readonly string[]) {
    this.simulation = simulation;
    this.random = simulation.world.random.fork("installation");
    this.cluster = new Cluster(simulation, shape);
    this.operator = new Operator(simulation, meshes);
  }

  /** As people set one up, step by step. Runs in the operator's process. */
  async setUp(proxiesPerService: number): Promise<void> {
    const { cluster, operator, simulation } = this;
    this.#start(cluster.of("global"));
    await operator.insist("GET", "/config");
    this.#start(cluster.of("tokens"));
    for (const zone of cluster.shape.zones) {
      const { text } = await operator.insist("POST", "/tokens/zone", { zone, scope: ["cp"], validFor: "720h" });
      cluster.setZoneToken(zone, text);
    }
    for (const mesh of operator.meshes)
      await operator.insist("PUT", `/meshes/${mesh}`, { type: "Mesh", name: mesh, skipCreatingInitialPolicies: ["*"] });
    this.#start(cluster.of("zone"));
    this.#start(cluster.of("xds"));
    for (const [meshIndex, mesh] of operator.meshes.entries()) {
      const { text: token } = await operator.insist("POST", "/tokens/dataplane", { mesh, validFor: "720h" });
      for (const [zoneIndex, zone] of cluster.shape.zones.entries()) {
        let count = 0;
        for (const service of services) {
          for (let one = 1; one <= proxiesPerService; one += 1) {
            const address = `10.${zoneIndex + 1}.${meshIndex + 1}.${(count += 1)}`;
            const spec = { name: `${zone}-${mesh}-${service}-${one}`, mesh, zone, address, service, calls: services };
            const servers = cluster.of("xds", zone).map(({ name }) => name);
            const envoy = new SimulatedEnvoy(simulation, spec, servers, token);
            envoy.onViolation = (what) => simulation.world.violated(what);
            this.envoys.push(envoy);
            envoy.start();
          }
        }
      }
    }
  }

  /** Everything that is kept down, frozen or cut off comes back. */
  heal(): void {
    const { world, network } = this.simulation;
    network.unblockAll();
    network.latencyMs = [0.1, 2];
    for (const service of this.cluster.services) {
      const host = world.host(service.name);
      const disk = this.simulation.disk(host);
      disk.full = false;
      disk.slowMs = 3;
      host.skewMs = 0;
      service.held = false;
      if (service.process && !service.process.dead) world.thaw(service.process);
      else this.cluster.start(service);
    }
    for (const envoy of this.envoys) {
      if (envoy.process && !envoy.process.dead) world.thaw(envoy.process);
      else envoy.start();
    }
  }

  #start(some: Service[]): void {
    for (const service of some) this.cluster.start(service);
  }
}
