import { MemoryInventory } from "@atoll/inventory";
import { ZoneInEffect } from "@atoll/replica";
import { SealingKey } from "@atoll/secret";
import { SnapshotCache } from "@atoll/xds";
import { Compiler, SecretMaterials, zoneAdminTls, type CompileRound, type SecretMaterialsOptions } from "../src/index.ts";
import { FakeState } from "../test/fake-state.ts";
import { mesh } from "./meshes.ts";

/** CPU of this thread, which others on the machine do not disturb. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

export interface Measured {
  /** Milliseconds of CPU from the change until all is built. */
  ms: number;
  round: CompileRound;
  /** Facts that were made anew. */
  made: number;
}

/** One zone with its compiler, and no network: what changes cost is what they make it compute. */
export class BenchWorld {
  readonly config = new FakeState();
  readonly zone = new FakeState();
  readonly inventory = new MemoryInventory();
  readonly cache = new SnapshotCache();
  /** The configuration as roll-outs have come to it. */
  readonly #decided = new ZoneInEffect("zone-1", this.config);
  readonly #compiler: Compiler;
  #rounds: CompileRound[] = [];

  static async open(routing: object = {}): Promise<BenchWorld> {
    const ring = { zone: SealingKey.generate() };
    const { documents, secrets } = await mesh(ring, routing);
    const adminTls = await zoneAdminTls(ring.zone, "zone-1", Date.now());
    const world = new BenchWorld(ring, adminTls);
    world.config.put(...documents);
    world.config.putDrafts(...secrets);
    return world;
  }

  private constructor(ring: { zone: SealingKey }, adminTls: SecretMaterialsOptions["adminTls"] & object) {
    const fail = (error: unknown) => {
      throw error;
    };
    const materials = new SecretMaterials({
      config: this.#decided,
      keyRing: ring,
      now: Date.now,
      onIssued: (nodeId) => this.#compiler.rebuild(nodeId),
      onChanged: () => this.#compiler.rebuildAll(),
      onError: fail,
      adminTls,
    });
    this.#compiler = new Compiler({
      zone: "zone-1",
      config: this.#decided,
      trial: () => {
        const { trial } = this.#decided;
        return trial && { ...trial, of: trial.rollout, config: trial.reader };
      },
      zoneResources: this.zone,
      inventory: this.inventory,
      materials,
      cache: this.cache,
      onError: fail,
      onRound: (round) => this.#rounds.push(round),
    });
  }

  /** Connects proxies and waits until each has its first snapshot; CPU milliseconds. */
  async connect(names: string[], zoneProxies: { ingress?: string; egress?: string } = {}): Promise<number> {
    const began = cpuMs();
    for (const name of names) this.#compiler.connect(`default.${name}`, { type: "dataplane", mesh: "default", name });
    for (const [type, name] of Object.entries(zoneProxies) as ["ingress" | "egress", string][])
      this.#compiler.connect(name, { type, mesh: "", name });
    const wanted = names.length + Object.keys(zoneProxies).length;
    while (this.cache.nodeIds().length < wanted || !this.#compiler.idle) await new Promise((resolve) => setImmediate(resolve));
    return cpuMs() - began;
  }

  /** What a change costs, on average over many: the clock of a thread's CPU is too coarse for one. */
  async measure(change: (turn: number) => void | Promise<void>, turns = 60): Promise<Measured> {
    await this.#turn(change, 0);
    const [began, madeBefore] = [cpuMs(), this.#compiler.factsMade];
    let round!: CompileRound;
    for (let turn = 1; turn <= turns; turn++) round = await this.#turn(change, turn);
    return { ms: (cpuMs() - began) / turns, round, made: (this.#compiler.factsMade - madeBefore) / turns };
  }

  /** What a change costs once. */
  async once(change: () => void): Promise<Pick<Measured, "ms" | "round">> {
    const began = cpuMs();
    const round = await this.#turn(change, 0);
    return { ms: cpuMs() - began, round };
  }

  async #turn(change: (turn: number) => void | Promise<void>, turn: number): Promise<CompileRound> {
    this.#rounds = [];
    await change(turn);
    while (this.#rounds.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return this.#rounds[0]!;
  }

  close(): void {
    this.#compiler.close();
  }
}
