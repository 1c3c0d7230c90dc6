import { promisify } from "node:util";
import { type Process, currentProcess, currentWorld } from "./world.ts";
import type { Event } from "./event-queue.ts";

const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, now: performance.now.bind(performance) };
const RealDate = Date;
const realRandom = Math.random;

/** A timer of a simulated process, with what Node's have. */
class Timer {
  readonly #process: Process;
  readonly #run: () => void;
  readonly #ms: number;
  readonly #repeat: boolean;
  #event: Event | undefined;

  constructor(process: Process, run: () => void, ms: unknown, repeat: boolean) {
    this.#process = process;
    this.#run = run;
    const wanted = Number(ms);
    // As Node: 1 ms at least, and too much of it is none.
    this.#ms = wanted >= 1 && wanted <= 2 ** 31 - 1 ? wanted : 1;
    this.#repeat = repeat;
    this.#set();
  }

  #set(): void {
    this.#event = currentWorld().schedule(
      this.#ms,
      () => {
        this.#event = undefined;
        if (this.#repeat) this.#set();
        this.#run();
      },
      this.#process,
    );
  }

  refresh(): this {
    if (this.#event) {
      this.#event.cancelled = true;
      this.#set();
    }
    return this;
  }

  close(): this {
    if (this.#event) this.#event.cancelled = true;
    this.#event = undefined;
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }
}

type Callback = (...args: unknown[]) => void;

function timeout(run: Callback, ms?: number, ...args: unknown[]): unknown {
  const process = currentProcess();
  return process ? new Timer(process, () => run(...args), ms, false) : real.setTimeout(run, ms, ...args);
}

function interval(run: Callback, ms?: number, ...args: unknown[]): unknown {
  const process = currentProcess();
  return process ? new Timer(process, () => run(...args), ms, true) : real.setInterval(run, ms, ...args);
}

/** A turn of the event loop takes a few microseconds. */
function immediate(run: Callback, ...args: unknown[]): unknown {
  const process = currentProcess();
  if (!process) return real.setImmediate(run, ...args);
  return currentWorld().schedule(currentWorld().random.between(0.001, 0.02), () => run(...args), process);
}

function clear(timer: unknown): void {
  if (timer instanceof Timer) timer.close();
  else if (timer && typeof timer === "object" && "cancelled" in timer) timer.cancelled = true;
  else real.clearTimeout(timer as NodeJS.Timeout);
}

/** `setTimeout` of `node:timers/promises`, for who imports it. */
export const delay = <T>(ms?: number, value?: T): Promise<T> => new Promise((resolve) => void timeout(() => resolve(value as T), ms));
export const turn = <T>(value?: T): Promise<T> => new Promise((resolve) => void immediate(() => resolve(value as T)));

/** Clocks, timers and random numbers of simulated processes are the world's; everybody else's stay what they are. */
export function installGlobals(): void {
  Object.defineProperty(timeout, promisify.custom, { value: delay });
  Object.defineProperty(immediate, promisify.custom, { value: turn });
  Object.assign(globalThis, {
    setTimeout: timeout,
    clearTimeout: clear,
    setInterval: interval,
    clearInterval: clear,
    setImmediate: immediate,
    clearImmediate: (timer: unknown) =>
      timer && typeof timer === "object" && "cancelled" in timer ? clear(timer) : real.clearImmediate(timer as NodeJS.Immediate),
    Date: simulatedDate(),
  });
  Math.random = () => (currentProcess() ? currentWorld().random.next() : realRandom());
  Object.defineProperty(performance, "now", { value: () => (currentProcess() ? currentWorld().now : real.now()), configurable: true });
  AbortSignal.timeout = (ms: number) => {
    const ending = new AbortController();
    const timer = timeout(() => ending.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms);
    if (!(timer instanceof Timer)) (timer as NodeJS.Timeout).unref();
    return ending.signal;
  };
  const subtle = Object.getPrototypeOf(crypto.subtle) as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for (const name of [
    "sign",
    "verify",
    "importKey",
    "digest",
    "encrypt",
    "decrypt",
    "deriveBits",
    "deriveKey",
    "generateKey",
    "exportKey",
  ]) {
    const work = subtle[name]!;
    subtle[name] = function (this: unknown, ...args: unknown[]) {
      const done = work.apply(this, args);
      return currentProcess() ? currentWorld().outside(done) : done;
    };
  }
}

function simulatedDate(): DateConstructor {
  const wall = () => (currentProcess() ? currentWorld().wallMs() : RealDate.now());
  class SimulatedDate extends RealDate {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(wall());
      else super(...(args as [number]));
    }
    static override now(): number {
      return wall();
    }
  }
  return SimulatedDate as DateConstructor;
}
