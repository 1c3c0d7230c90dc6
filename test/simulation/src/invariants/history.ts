import type { Installation } from "../model/installation.ts";

interface HistoryRecord {
  revision: number;
  reason?: string;
  accepted: boolean;
  changes: { op: "put" | "delete"; key: string; resource?: { spec?: { conf?: { connectTimeout?: string } } } }[];
  expect: Record<string, number | null>;
}

/** What the log ends up with, by what it says itself: connect timeouts in milliseconds by key. */
export type Ledger = Map<string, { revision: number; connectMs: number }>;

/**
 * What was acknowledged is in the log once, where it was said to be; what was refused is not. Preconditions held wherever a record was
 * accepted. Folds the log anew, by a model that knows Timeouts alone.
 */
export async function checkHistory({ operator, simulation: { world } }: Installation): Promise<Ledger> {
  const records: HistoryRecord[] = [];
  let head = 1;
  for (let from = 1; from <= head; from += 500) {
    const to = from + 499;
    const { status, text } = await operator.insist("GET", `/revisions?from=${from}&to=${to}`);
    if (status !== 200) {
      world.violated(`the history from ${from} on is answered ${status}: ${text.slice(0, 200)}`);
      return new Map();
    }
    const answer = JSON.parse(text) as { revision: number; items: HistoryRecord[] };
    head = answer.revision;
    records.push(...answer.items);
  }
  const ledger: Ledger = new Map();
  const accepted = new Map<string, number[]>();
  for (const { revision, reason, accepted: wasAccepted, changes, expect } of records) {
    if (reason !== undefined && wasAccepted) accepted.set(reason, [...(accepted.get(reason) ?? []), revision]);
    if (!wasAccepted) continue;
    for (const [key, expected] of Object.entries(expect)) {
      if (!key.startsWith("Timeout/")) continue;
      const now = ledger.get(key)?.revision ?? null;
      if (now !== expected) world.violated(`revision ${revision} was accepted though ${key} was at ${now} and it expects ${expected}`);
    }
    for (const { op, key, resource } of changes) {
      const connectTimeout = resource?.spec?.conf?.connectTimeout;
      if (op === "delete") ledger.delete(key);
      else if (connectTimeout !== undefined) ledger.set(key, { revision, connectMs: milliseconds(connectTimeout) });
    }
  }
  for (const { id, what, outcome, revision } of operator.operations) {
    const places = accepted.get(id) ?? [];
    const told = `${id} (${what}, ${outcome}${revision === undefined ? "" : ` at ${revision}`}) is in the log at ${places.join(", ") || "no revision"}`;
    if (places.length > 1) world.violated(`${told}: more than once`);
    if (outcome === "done" && places[0] !== revision && !isNothing(what)) world.violated(told);
    if (outcome === "refused" && places.length > 0) world.violated(told);
  }
  return ledger;
}

/** Deleting what is not there writes nothing. */
const isNothing = (what: string): boolean => what.startsWith("pair gone");

export const milliseconds = (text: string): number => Math.round(Number.parseFloat(text) * (text.endsWith("ms") ? 1 : 1000));
