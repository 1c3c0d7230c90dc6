import { Disk } from "./disk.ts";
import { Network } from "./network.ts";
import { type Host, World } from "./world.ts";

let current: Simulation | undefined;

function setCurrent(simulation: Simulation): void {
  current = simulation;
}

/** What the adapters below the services talk to in place of a machine. */
export class Simulation {
  readonly world: World;
  readonly network: Network;
  readonly #root: string;
  readonly #disks = new Map<Host, Disk>();
  #keys = 0;

  constructor(seed: string, root: string) {
    this.world = new World(seed);
    this.world.hidden = root;
    this.network = new Network(this.world);
    this.#root = root;
    setCurrent(this);
  }

  disk(host: Host): Disk {
    let disk = this.#disks.get(host);
    if (!disk) this.#disks.set(host, (disk = new Disk(this.#root, host)));
    return disk;
  }

  /** Counts keys that were made: which of the prepared ones comes next. */
  nextKey(): number {
    return (this.#keys += 1) - 1;
  }
}

export function currentSimulation(): Simulation {
  if (current === undefined) throw new Error("nothing is simulated now");
  return current;
}
