import { Client } from "undici";
import { monotonicMs } from "./clock.ts";

export interface RouteWatchReport {
  requests: number;
  /** Anything but an answer with status 200, by what it was. */
  failures: Record<string, number>;
  /** Duration of every request. */
  durationsMs: number[];
}

/** Asks one path over one kept connection, one request after the other, and tells when an answer first carries a header value. */
export class RouteWatch {
  readonly #client: Client;
  readonly #path: string;
  readonly #header: string;
  readonly #report: RouteWatchReport = { requests: 0, failures: {}, durationsMs: [] };
  #awaited: { value: string; resolve: (at: number) => void } | undefined;
  #stopped = false;
  #loop: Promise<void>;

  constructor(url: string, path: string, header: string) {
    this.#client = new Client(url, { pipelining: 1 });
    this.#path = path;
    this.#header = header;
    this.#loop = this.#run();
  }

  /** Resolves with the monotonic time at which the first answer with this value began. */
  appearance(value: string, limitMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#awaited = undefined;
        reject(new Error(`the change did not show within ${limitMs} ms`));
      }, limitMs);
      this.#awaited = {
        value,
        resolve: (at) => {
          clearTimeout(timer);
          resolve(at);
        },
      };
    });
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
        const at = monotonicMs();
        if (answer.statusCode !== 200) this.#fail(String(answer.statusCode));
        await answer.body.dump();
        this.#report.durationsMs.push(monotonicMs() - began);
        if (this.#awaited !== undefined && answer.headers[this.#header] === this.#awaited.value) {
          const { resolve } = this.#awaited;
          this.#awaited = undefined;
          resolve(at);
        }
      } catch (error) {
        this.#fail((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      }
    }
  }

  #fail(what: string): void {
    this.#report.failures[what] = (this.#report.failures[what] ?? 0) + 1;
  }
}
