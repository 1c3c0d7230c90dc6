/** `node:sqlite` on a simulated machine: the real one, whose files the machine knows. */
import { DatabaseSync as Real } from "node:sqlite";
import { type Disk } from "../world/disk.ts";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";

export class DatabaseSync extends Real {
  readonly #disk: Disk | undefined;

  constructor(path: string) {
    super(path);
    const process = currentProcess();
    this.#disk = process && currentSimulation().disk(process.host);
    this.#disk?.database(this);
  }

  override exec(sql: string): void {
    if (this.#disk?.full && sql === "COMMIT") throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    super.exec(sql);
  }

  override close(): void {
    this.#disk?.databaseClosed(this);
    super.close();
  }
}
