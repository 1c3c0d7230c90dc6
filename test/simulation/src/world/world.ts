import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { EventQueue, type Event } from "./event-queue.ts";
import { Random } from "./random.ts";

/** A machine: its disk and its clock outlive its processes. */
export interface Host {
  readonly name: string;
  /** What its clock shows ahead of the world's. */
  skewMs: number;
  /** Counts its starts: another one after a loss of power. */
  boot: number;
  process: Process | undefined;
}

/** One life of a service on a machine. Nothing that it began outlives it: what is due for a dead process is dropped. */
export interface Process {
  readonly host: Host;
  readonly id: number;
  dead: boolean;
  /** Stopped, as by SIGSTOP: what is due waits here. */
  frozen: Event[] | undefined;
}

/** The real ones: the world replaces those of the processes in it. */
const realImmediate = setImmediate;
const context = new AsyncLocalStorage<Process>();
/** Midnight of 1 January 2026. */
const epochMs = 1_767_225_600_000;

/** Who runs now; undefined outside of the simulation. */
export const currentProcess = (): Process | undefined => context.getStore();

let current: World | undefined;

function setCurrent(world: World): void {
  current = world;
}

export function currentWorld(): World {
  if (current === undefined) throw new Error("nothing is simulated now");
  return current;
}

/**
 * Simulated time: a queue of what is due. One event runs at a time, and all promises that it settles are run to their end before the next;
 * the seed decides everything else, so the same seed gives the same run.
 */
export class World {
  readonly seed: string;
  readonly random: Random;
  readonly hosts = new Map<string, Host>();
  /** Milliseconds since the begin. */
  now = 0;
  events = 0;
  /** What went wrong, first one first. */
  readonly violations: string[] = [];
  /** Where the disks are, which is another place each time. */
  hidden = "";
  /** Printed as it happens, if wanted. */
  onTrace: ((line: string) => void) | undefined;
  readonly #queue = new EventQueue();
  readonly #trace = createHash("sha256");
  readonly #outside: { settled: Promise<() => void>; process: Process }[] = [];
  #processes = 0;

  constructor(seed: string) {
    this.seed = seed;
    this.random = new Random(seed);
    setCurrent(this);
  }

  host(name: string): Host {
    let host = this.hosts.get(name);
    if (!host) this.hosts.set(name, (host = { name, skewMs: 0, boot: 1, process: undefined }));
    return host;
  }

  start(host: Host): Process {
    const process: Process = { host, id: (this.#processes += 1), dead: false, frozen: undefined };
    host.process = process;
    return process;
  }

  /** The clock on the wall of who asks. */
  wallMs(process = currentProcess()): number {
    return Math.floor(epochMs + this.now + (process?.host.skewMs ?? 0));
  }

  /** `null`: it is due whatever becomes of the process that asks. */
  schedule(delayMs: number, run: () => void, process: Process | null | undefined = currentProcess()): Event {
    return this.#queue.add({ at: this.now + Math.max(0, delayMs), seq: 0, run, process: process ?? undefined, cancelled: false });
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.schedule(delayMs, resolve));
  }

  /** Runs on behalf of a process. */
  as<T>(process: Process, run: () => T): T {
    return context.run(process, run);
  }

  /** What real threads do for a process (signatures): heard of in the order in which it was asked for. */
  outside<T>(work: Promise<T>): Promise<T> {
    const process = currentProcess();
    if (!process) return work;
    return new Promise((resolve, reject) => {
      const settled = work.then(
        (value) => () => resolve(value),
        (error: unknown) => () => reject(error as Error),
      );
      this.#outside.push({ settled, process });
    });
  }

  thaw(process: Process): void {
    const waiting = process.frozen ?? [];
    process.frozen = undefined;
    for (const event of waiting) if (!event.cancelled) this.schedule(0, event.run, process);
  }

  /** One line of what happened; all of them make the run's fingerprint. */
  trace(line: string): void {
    const text = `${this.now.toFixed(3)} ${this.hidden === "" ? line : line.replaceAll(this.hidden, "")}`;
    this.#trace.update(`${text}\n`);
    this.onTrace?.(text);
  }

  violated(what: string): void {
    this.trace(`VIOLATED ${what}`);
    this.violations.push(`at ${(this.now / 1000).toFixed(3)} s: ${what}`);
  }

  fingerprint(): string {
    return this.#trace.copy().digest("hex").slice(0, 16);
  }

  /** Runs what is due until `done` says so, a rule is broken, or `untilMs`. */
  async run(done: () => boolean, untilMs: number): Promise<void> {
    for (;;) {
      while (this.#outside.length > 0) {
        const { settled, process } = this.#outside.shift()!;
        this.schedule(0, await settled, process);
      }
      if (done() || this.violations.length > 0) return;
      const event = this.#queue.take();
      if (!event || event.at > untilMs) {
        this.violated(event ? `still not done after ${untilMs / 1000} s` : "nothing is due any more");
        return;
      }
      this.now = Math.max(this.now, event.at);
      const { process: owner } = event;
      if (event.cancelled || owner?.dead) continue;
      if (owner?.frozen) {
        owner.frozen.push(event);
        continue;
      }
      this.events += 1;
      try {
        if (owner) context.run(owner, event.run);
        else event.run();
      } catch (error) {
        this.violated(`${owner?.host.name ?? "the world"} died of ${(error as Error).stack ?? String(error)}`);
      }
      await new Promise<void>((resolve) => realImmediate(resolve));
    }
  }
}
