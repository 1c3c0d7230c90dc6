export interface BackoffOptions {
  firstMs?: number;
  maxMs?: number;
  /** In [0, 1). */
  random?: () => number;
}

/** Doubling delays with jitter (half of each is random), so that many clients of one server don't come back together. */
export class Backoff {
  private readonly firstMs: number;
  private readonly maxMs: number;
  private readonly random: () => number;
  private ceilingMs: number;

  constructor(options: BackoffOptions = {}) {
    this.firstMs = options.firstMs ?? 50;
    this.maxMs = options.maxMs ?? 2_000;
    this.random = options.random ?? Math.random;
    this.ceilingMs = this.firstMs;
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const delayMs = this.ceilingMs / 2 + (this.ceilingMs / 2) * this.random();
    this.ceilingMs = Math.min(this.ceilingMs * 2, this.maxMs);
    return delayMs;
  }

  reset(): void {
    this.ceilingMs = this.firstMs;
  }
}
