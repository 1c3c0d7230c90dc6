import type { Change, KeyString } from "@atoll/resource";

export type { Change };

/** One record of `atoll.config`: applied whole or rejected whole, the same way by every replica. */
export interface ChangeSet {
  /** Unique per attempt, so that a retried append is folded once. */
  id: string;
  /** RFC 3339, written by the writer: the fold has no clock. */
  at: string;
  author: string;
  reason?: string;
  changes: Change[];
  /** Preconditions: revision of the key when the writer looked, or null = must be absent. */
  expect: { key: KeyString; revision: number | null }[];
}

export type Verdict =
  | { accepted: true; revision: number; changed: KeyString[] }
  | { accepted: false; revision: number; conflict: { key: KeyString; expected: number | null; actual: number | null } };
