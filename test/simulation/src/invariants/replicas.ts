import type { Installation } from "../model/installation.ts";
import type { Process } from "../world/world.ts";
import { peek } from "./peek.ts";

interface Replica {
  revision: number;
  checksum: string;
}

/** Replicas at one revision are equal, and none goes back while it lives. */
export class ReplicaRules {
  readonly #installation: Installation;
  readonly #checksums = new Map<number, { checksum: string; of: string }>();
  readonly #reached = new WeakMap<Process, number>();
  /** Of each process that answered last. */
  readonly latest = new Map<string, Replica>();

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  async check(): Promise<void> {
    const { cluster, simulation } = this.#installation;
    const { world } = simulation;
    this.latest.clear();
    for (const service of cluster.services) {
      const { process } = service;
      const replica = (await peek(simulation, service, 5680, "/debug/replica")) as Replica | undefined;
      if (!replica || !process || process.dead) continue;
      const { revision, checksum } = replica;
      this.latest.set(service.name, replica);
      const before = this.#reached.get(process) ?? 0;
      if (revision < before) world.violated(`${service.name} goes back from revision ${before} to ${revision}`);
      this.#reached.set(process, revision);
      const known = this.#checksums.get(revision);
      if (!known) this.#checksums.set(revision, { checksum, of: service.name });
      else if (known.checksum !== checksum)
        world.violated(`at revision ${revision} ${service.name} has checksum ${checksum}, ${known.of} had ${known.checksum}`);
    }
  }
}
