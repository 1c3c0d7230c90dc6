const dayMs = 24 * 3_600_000;
const unitsMs: Readonly<Record<string, number>> = { y: 365 * dayMs, w: 7 * dayMs, d: dayMs, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** How long a certificate lives, as meshes state it ("1d", "10y", "90m"). Undefined for "", "0" and malformed text: the default holds. */
export function parseLifetimeMs(text: string | undefined): number | undefined {
  const [, count, unit = ""] = /^(\d+)(y|w|d|h|m|s|ms)$/.exec(text ?? "") ?? [];
  const durationMs = Number(count) * (unitsMs[unit] ?? 0);
  return Number.isSafeInteger(durationMs) && durationMs > 0 ? durationMs : undefined;
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** When four fifths of a certificate's life are used; from then on it is to be replaced. Milliseconds since the epoch. */
export const renewAtMs = ({ notBefore, notAfter }: Validity): number =>
  notBefore.getTime() + Math.floor((notAfter.getTime() - notBefore.getTime()) * 0.8);

export const isDueForRenewal = (validity: Validity, nowMs: number): boolean => nowMs >= renewAtMs(validity);
