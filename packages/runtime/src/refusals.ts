import { Counter, type Registry } from "prom-client";
import type { Logger } from "./logger.ts";

/** Writes a line for each request that was refused for who made it, and counts it. */
export class Refusals {
  readonly #counted: Counter<"status">;

  constructor(registry: Registry) {
    const help = "Requests refused for who made them: 401 for bad credentials, 403 for what is not allowed";
    this.#counted = new Counter({ name: "atoll_requests_refused_total", help, labelNames: ["status"], registers: [registry] });
  }

  /** Fields of the refusal are those of the line: who, from where, what, why; never credentials. */
  to(log: Pick<Logger, "warn">): (refusal: { status: number; reason: string }) => void {
    return (refusal) => {
      this.#counted.inc({ status: String(refusal.status) });
      log.warn(refusal, "request refused");
    };
  }
}
