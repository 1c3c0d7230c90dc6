import { Agent, request } from "node:http";

export interface LoadedRequest {
  /** Milliseconds of `performance.now()`. */
  beganMs: number;
  endedMs: number;
  /** HTTP status; 0 when no answer came, with the reason in `failure`. */
  status: number;
  failure?: string;
  body: string;
}

export interface LoadReport {
  requests: readonly LoadedRequest[];
  failed: readonly LoadedRequest[];
}

/**
 * Sends GET requests at a steady rate, whether earlier ones were answered or not, until it is stopped. What is under load shows in
 * `failed`: every request that was not answered with 200.
 */
export class Load {
  readonly #timer: NodeJS.Timeout;
  readonly #agent: Agent;
  readonly #requests: LoadedRequest[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #url: string;
  readonly #began = performance.now();
  #sent = 0;

  /**
   * Without `keepAlive` each request has a connection of its own: one that waits in a pool may be closed by a listener that is on its way out
   * in the moment in which it is used.
   */
  constructor(url: string, perSecond: number, { keepAlive = true }: { keepAlive?: boolean } = {}) {
    this.#agent = new Agent({ keepAlive, maxSockets: 64 });
    this.#url = url;
    // Timers run late on a busy machine: each turn sends what is due by then.
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - this.#began) / 1_000) * perSecond);
      while (this.#sent < due) {
        this.#sent++;
        const one: Promise<void> = this.#send().finally(() => this.#open.delete(one));
        this.#open.add(one);
      }
    }, 1_000 / perSecond);
  }

  /** Requests answered so far. */
  get answered(): number {
    return this.#requests.length;
  }

  get failed(): readonly LoadedRequest[] {
    return this.#requests.filter((one) => one.status !== 200);
  }

  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    return { requests: this.#requests, failed: this.failed };
  }

  #send(): Promise<void> {
    const beganMs = performance.now();
    return new Promise((resolve) => {
      const end = (outcome: { status: number; failure?: string; body: string }) => {
        this.#requests.push({ beganMs, endedMs: performance.now(), ...outcome });
        resolve();
      };
      const sent = request(this.#url, { agent: this.#agent, timeout: 10_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (error) => end({ status: 0, failure: error.message, body: "" }));
        response.on("end", () => end({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
      });
      sent.on("timeout", () => sent.destroy(new Error("no answer within 10 s")));
      sent.on("error", (error) => end({ status: 0, failure: error.message, body: "" }));
      sent.end();
    });
  }
}

/** What failed and how often, for a failed expectation; [] when nothing did. */
export function describeFailures(failed: readonly LoadedRequest[]): string[] {
  const kinds = Map.groupBy(failed, (one) => `${one.status} ${one.failure ?? one.body.trim()}`);
  return Array.from(kinds, ([what, ones]) => {
    const lasted = ones.at(-1)!.beganMs - ones[0]!.beganMs;
    return `${ones.length} x ${what}; over ${lasted.toFixed(0)} ms`;
  });
}
