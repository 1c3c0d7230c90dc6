import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import type { KafkaBroker } from "@atoll/testkit/kafka-broker";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { expect } from "vitest";
import { rest } from "./rest.ts";

const binary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));

export interface GlobalState {
  revision: number;
  checksum: string;
}

/** Replicas of global over one Kafka, each a process that can be killed and started again. Ten ports for each, from `base` on. */
export class GlobalReplicas {
  readonly #base: number;
  readonly #kafka: KafkaBroker;
  readonly #folder = scratchFolder();
  readonly #running = new Map<number, StartedProcess>();

  constructor(base: number, kafka: KafkaBroker) {
    this.#base = base;
    this.#kafka = kafka;
  }

  workDir(replica: number): string {
    return join(this.#folder.path, `global-${replica}`);
  }

  url(replica: number): string {
    return `http://127.0.0.1:${this.#base + 10 * replica}`;
  }

  /** Gives a replica that has yet to start the sealing keys of another. */
  shareKeys(from: number, to: number): void {
    mkdirSync(this.workDir(to), { recursive: true });
    for (const key of ["global.key", "zone.key"]) copyFileSync(join(this.workDir(from), key), join(this.workDir(to), key));
  }

  launch(replica: number): Promise<StartedProcess> {
    const port = (index: number) => String(this.#base + 10 * replica + index);
    return startProcess(binary, ["run", "global"], {
      env: {
        ATOLL_LOG_KAFKA_BROKERS: this.#kafka.brokers,
        ATOLL_GENERAL_WORK_DIR: this.workDir(replica),
        ATOLL_API_SERVER_HTTP_PORT: port(0),
        ATOLL_DIAGNOSTICS_SERVER_PORT: port(1),
        ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: port(2),
        ATOLL_API_SERVER_HTTPS_PORT: port(3),
      },
    });
  }

  /** Resolves when it is ready. */
  async start(replica: number): Promise<void> {
    this.#running.set(replica, await this.launch(replica));
    const ready = `http://127.0.0.1:${this.#base + 10 * replica + 1}/readyz`;
    await eventually(async () => (await rest(ready)).status === 200, { limitMs: 60_000, everyMs: 30 });
  }

  async kill(replica: number): Promise<void> {
    this.#running.get(replica)!.signal("SIGKILL");
    await this.#running.get(replica)!.exited;
  }

  async state(replica: number): Promise<GlobalState> {
    return (await rest(`http://127.0.0.1:${this.#base + 10 * replica + 1}/debug/replica`)).json<GlobalState>();
  }

  /** Resolves when the two are at one revision with one checksum. */
  agree(): Promise<GlobalState> {
    return eventually(
      async () => {
        const [one, other] = await Promise.all([0, 1].map((replica) => this.state(replica)));
        if (one!.revision !== other!.revision) throw new Error(`revisions ${one!.revision} and ${other!.revision}`);
        expect(one!.checksum).toBe(other!.checksum);
        return one!;
      },
      { limitMs: 20_000 },
    );
  }

  async close(): Promise<void> {
    for (const one of this.#running.values()) await one.stop(5_000);
    this.#folder[Symbol.dispose]();
  }
}
