import { eventually } from "@atoll/testkit/eventually";
import type { StartedProcess } from "@atoll/testkit/process";

/** One process of a service, that can be killed and started again into the same state. */
export class Instance {
  readonly name: string;
  readonly #start: () => Promise<StartedProcess>;
  readonly #earlier: StartedProcess[] = [];
  #process: StartedProcess | undefined;
  #readyAfterMs = 0;

  constructor(name: string, start: () => Promise<StartedProcess>) {
    this.name = name;
    this.#start = start;
  }

  get process(): StartedProcess {
    if (this.#process === undefined) throw new Error(`${this.name} is not running`);
    return this.#process;
  }

  /** From the start of the process until it said that it is ready; 0 before that. */
  get readyAfterMs(): number {
    return this.#readyAfterMs;
  }

  /** What the last process of this instance wrote; it stays after the process has ended. */
  output(): string {
    return this.#process?.output() ?? "";
  }

  /** What every process of this instance wrote so far, the oldest first. */
  outputs(): string {
    return this.#earlier.map((one) => one.output()).join("") + this.output();
  }

  async start(): Promise<void> {
    const began = performance.now();
    if (this.#process !== undefined) this.#earlier.push(this.#process);
    this.#process = undefined;
    this.#process = await this.#start();
    this.#readyAfterMs = performance.now() - began;
  }

  /** As a crash: no time to clean up. */
  async kill(): Promise<void> {
    this.process.signal("SIGKILL");
    await this.process.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop(8_000);
  }
}

/** All instances of a service, as one. */
export class Service {
  readonly name: string;
  /** At least one. */
  readonly instances: readonly Instance[];

  constructor(name: string, instances: readonly Instance[]) {
    this.name = name;
    this.instances = instances;
  }

  output(): string {
    return this.instances.map((one) => one.output()).join("");
  }

  outputs(): string {
    return this.instances.map((one) => one.outputs()).join("");
  }

  async start(): Promise<void> {
    await Promise.all(this.instances.map((one) => one.start()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.instances.map((one) => one.kill()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.instances.map((one) => one.stop()));
  }
}

/** Waits for `/readyz`, or for the end of the process, whose output then says why. */
export async function ready(name: string, started: StartedProcess, url: string): Promise<void> {
  let ended: number | string | undefined;
  const watch = started.exited.then((status) => (ended = status));
  watch.catch(() => undefined);
  try {
    await eventually(
      async () => {
        if (ended !== undefined) return true;
        return (await fetch(url)).status === 200;
      },
      { limitMs: 60_000, everyMs: 20 },
    );
  } catch (error) {
    await started.stop();
    throw new Error(`${name} is not ready: ${(error as Error).message}; its output:\n${started.output()}`, { cause: error });
  }
  if (ended !== undefined) throw new Error(`${name} ended with ${ended}:\n${started.output()}`);
}
