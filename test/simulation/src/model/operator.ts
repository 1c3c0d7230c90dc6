import type { Random } from "../world/random.ts";
import type { Simulation } from "../world/simulation.ts";
import type { Process } from "../world/world.ts";

/** Something that was asked of global, and what is known of it. */
export interface Operation {
  /** Its reason in the log. */
  readonly id: string;
  readonly what: string;
  outcome: "open" | "done" | "refused" | "unknown";
  /** The one that was answered. */
  revision: number | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** Whoever writes to global, one thing after the other, and remembers what it was answered. */
export class Operator {
  readonly operations: Operation[] = [];
  readonly process: Process;
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly meshes: readonly string[];
  /** Revisions of what it writes, as it knows them. */
  #known = new Map<string, number>();

  constructor(simulation: Simulation, meshes: readonly string[]) {
    this.#simulation = simulation;
    this.meshes = meshes;
    this.process = simulation.world.start(simulation.world.host("operator"));
    this.#random = simulation.world.random.fork("operator");
  }

  ask(method: string, url: string, body?: object, timeoutMs = 15_000): Promise<Answer> {
    return this.#simulation.network.request(
      this.process,
      "global:5681",
      { method, url, headers: { "content-type": "application/json" }, ...(body && { payload: JSON.stringify(body) }) },
      timeoutMs,
    );
  }

  /** Asks until it is answered. */
  async insist(method: string, url: string, body?: object): Promise<Answer> {
    for (;;) {
      try {
        const answer = await this.ask(method, url, body);
        if (answer.status < 500) return answer;
        this.#simulation.world.trace(`${method} ${url}: ${answer.status}`);
      } catch (error) {
        this.#simulation.world.trace(`${method} ${url}: ${(error as Error).message}`);
      }
      await this.#simulation.world.sleep(500);
    }
  }

  /** A change set of which its reason is the name. */
  async change(what: string, body: object): Promise<Operation> {
    const operation: Operation = { id: `op-${this.operations.length + 1}`, what, outcome: "open", revision: undefined };
    this.operations.push(operation);
    const { world } = this.#simulation;
    try {
      const answer = await this.ask("POST", "/changes", { ...body, reason: operation.id });
      if (answer.status === 200) {
        operation.revision = (JSON.parse(answer.text) as { revision: number }).revision;
        operation.outcome = "done";
      } else operation.outcome = answer.status < 500 ? "refused" : "unknown";
      if (answer.status >= 400 && answer.status < 500 && ![404, 409].includes(answer.status))
        world.violated(`${operation.id} (${what}) is answered ${answer.status}: ${answer.text.slice(0, 400)}`);
    } catch (error) {
      operation.outcome = (error as { refused?: boolean }).refused ? "refused" : "unknown";
    }
    world.trace(`${operation.id} (${what}): ${operation.outcome} ${operation.revision ?? ""}`);
    return operation;
  }

  /** Something that people do. */
  async work(): Promise<void> {
    const random = this.#random;
    const number = this.operations.length + 1;
    const mesh = random.pick(this.meshes);
    const roll = random.next();
    if (roll < 0.4) await this.#put(mesh, "reached", timeout(mesh, "reached", "*", 1_000 + number), random.chance(0.5));
    else if (roll < 0.75) {
      const pair = ["pair-a", "pair-b"].map((name) => timeout(mesh, name, name, 1_000 + number));
      await this.change(`pair in ${mesh}`, { resources: pair });
    } else if (roll < 0.85) {
      const gone = ["pair-a", "pair-b"].map((name) => ({ type: "Timeout", mesh, name }));
      const { outcome } = await this.change(`pair gone from ${mesh}`, { resources: [], delete: gone });
      if (outcome === "done") this.#known.clear();
    } else if (roll < 0.95) {
      const name = `extra-${random.below(3)}`;
      await this.#put(mesh, name, timeout(mesh, name, name, 1_000 + number), random.chance(0.5));
    } else {
      const secret = { type: "Secret", mesh, name: "kept", data: Buffer.from(`marker-secret-${number}`).toString("base64") };
      await this.change(`secret in ${mesh}`, { resources: [secret] });
    }
  }

  async #put(mesh: string, name: string, resource: object, isConditional: boolean): Promise<void> {
    const key = `Timeout/${mesh}/${name}`;
    const expect = isConditional && this.#known.has(key) ? { [key]: this.#known.get(key)! } : undefined;
    const { outcome, revision } = await this.change(`${key}${expect ? " if as known" : ""}`, {
      resources: [resource],
      ...(expect && { expect }),
    });
    if (outcome === "done") this.#known.set(key, revision!);
    else this.#known.delete(key);
  }
}

export const timeout = (mesh: string, name: string, destination: string, connectMs: number): object => ({
  type: "Timeout",
  mesh,
  name,
  sources: [{ match: { "kuma.io/service": "*" } }],
  destinations: [{ match: { "kuma.io/service": destination } }],
  conf: { connectTimeout: `${connectMs}ms` },
});
