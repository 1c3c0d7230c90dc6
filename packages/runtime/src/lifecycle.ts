import type { Logger } from "./logger.ts";

export interface Closeable {
  name: string;
  close(): Promise<void> | void;
}

/**
 * What a process opened, closed in reverse order. A part that fails or takes longer than `limitMs` to close does not keep the
 * others open.
 */
export class Lifecycle {
  readonly #parts: Closeable[] = [];
  readonly #abort = new AbortController();
  readonly #log: Logger;
  #closing: Promise<void> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Closes what was opened so far if the rest cannot be. */
  static async opening(log: Logger, open: (lifecycle: Lifecycle) => Promise<void>): Promise<Lifecycle> {
    const lifecycle = new Lifecycle(log);
    try {
      await open(lifecycle);
      return lifecycle;
    } catch (error) {
      await lifecycle.close();
      throw error;
    }
  }

  /** Aborts when closing begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  add<Part extends { close(): Promise<void> | void }>(name: string, part: Part): Part {
    this.#parts.push({ name, close: () => part.close() });
    return part;
  }

  close(limitMs = 5_000): Promise<void> {
    return (this.#closing ??= this.#closeAll(limitMs));
  }

  async #closeAll(limitMs: number): Promise<void> {
    this.#abort.abort();
    for (const part of this.#parts.toReversed()) {
      const limit = Promise.withResolvers<"late">();
      const timer = setTimeout(() => limit.resolve("late"), limitMs);
      try {
        if ((await Promise.race([Promise.resolve(part.close()), limit.promise])) === "late")
          this.#log.warn({ part: part.name }, "did not close in time");
      } catch (error) {
        this.#log.error({ err: error, part: part.name }, "failed to close");
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

/**
 * Runs a service until SIGTERM or SIGINT, then closes it; the process ends with status 0. A second signal ends it at once, and so
 * does one that comes while the service starts: it may be waiting for something that never comes, and nothing of it is lost by then.
 * A start that fails is logged and ends the process with status 1.
 */
export async function runUntilSignal(log: Logger, start: () => Promise<{ close(): Promise<void> }>): Promise<void> {
  const stop = Promise.withResolvers<string>();
  let signalled = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(130);
      signalled = true;
      stop.resolve(signal);
    });
  }
  process.on("unhandledRejection", (error) => log.error({ err: error }, "unhandled rejection"));
  let running: { close(): Promise<void> };
  try {
    const first = await Promise.race([start(), stop.promise]);
    if (typeof first === "string") {
      log.info({ signal: first }, "stopping before the start was complete");
      process.exit(0);
    }
    running = first;
  } catch (error) {
    log.fatal({ err: error }, `cannot start: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
  log.info({ signal: await stop.promise }, "stopping");
  await running.close();
  process.exit(0);
}
