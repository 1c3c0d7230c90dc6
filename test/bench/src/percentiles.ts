export interface Spread {
  p50: number;
  p90: number;
  p99: number;
  max: number;
  count: number;
}

/** Nearest rank: every figure is one that was measured. NaN without values. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), count: sorted.length };
}
