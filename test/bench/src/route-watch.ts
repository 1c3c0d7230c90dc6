import { setTimeout as pause } from "node:timers/promises";
import { Client } from "undici";
import { monotonicMs } from "./clock.ts";

export interface RouteWatchReport {
  requests: number;
  /** Anything but an answer with status 200, by what it was. */
  failures: Record<string, number>;
  /** Duration of every request. */
  durationsMs: number[];
}

const everyMs = 10;

/** Asks one path over one kept connection, about a hundred times a second, and remembers what failed. */
export class RouteWatch {
  readonly #client: Client;
  readonly #path: string;
  readonly #report: RouteWatchReport = { requests: 0, failures: {}, durationsMs: [] };
  #stopped = false;
  #loop: Promise<void>;

  constructor(url: string, path: string) {
    this.#client = new Client(url, { pipelining: 1 });
    this.#path = path;
    this.#loop = this.#run();
  }

  async stop(): Promise<RouteWatchReport> {
    this.#stopped = true;
    await this.#loop;
    await this.#client.close();
    return this.#report;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const began = monotonicMs();
      this.#report.requests++;
      try {
        const answer = await this.#client.request({ method: "GET", path: this.#path });
        if (answer.statusCode !== 200) this.#fail(String(answer.statusCode));
        await answer.body.dump();
        this.#report.durationsMs.push(monotonicMs() - began);
      } catch (error) {
        this.#fail((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      }
      await pause(Math.max(0, began + everyMs - monotonicMs()));
    }
  }

  #fail(what: string): void {
    this.#report.failures[what] = (this.#report.failures[what] ?? 0) + 1;
  }
}

/** Asks one path again and again, after `everyMs` each, until an answer has this header, and tells when that answer began, in monotonic milliseconds. */
export async function firstAnswer(
  client: Client,
  path: string,
  [header, value]: readonly [string, string],
  { earliestMs, everyMs = 0, limitMs }: { earliestMs: number; everyMs?: number; limitMs: number },
): Promise<number> {
  const began = monotonicMs();
  if (earliestMs > 0) await pause(earliestMs);
  for (;;) {
    const answer = await client.request({ method: "GET", path });
    const at = monotonicMs();
    await answer.body.dump();
    if (answer.headers[header] === value) return at;
    if (everyMs > 0) await pause(everyMs);
    if (at - began > limitMs) throw new Error(`the change did not show within ${limitMs} ms`);
  }
}
