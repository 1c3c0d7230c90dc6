import { decodeJson } from "@atoll/replica";

/** One of a zone's sync services, and how the others reach its relay. */
export interface ZoneWriter {
  instance: string;
  /** `grpcs://host:port` */
  address: string;
  /** PEM: what it presents there. */
  certificate: string;
}

/**
 * Records of `atoll.lease.<zone>`. Keys: `claim/<instance>` of claims, `lease/<instance>` of the others, so that compaction keeps the newest
 * claim of each instance and what it said last as a writer: a renewal of a deposed one that comes late takes nothing of its successor's away.
 */
export type LeaseRecord =
  | {
      op: "claim";
      term: number;
      /** Offset of the newest valid record that the claimant has seen; -1 = none. */ follows: number;
      writer: ZoneWriter;
    }
  | { op: "renew"; term: number; writer: ZoneWriter }
  | { op: "release"; term: number; writer: ZoneWriter };

export interface LeaseState {
  /** Of the newest valid claim; 0 = there was none. Grows. */
  term: number;
  /** Of the newest valid record; -1 = none. */
  offset: number;
  /** Who has the lease; undefined = nobody, it was given back. */
  writer: ZoneWriter | undefined;
  /** Who had it last, also after it was given back. */
  last: string | undefined;
}

export const noLease: LeaseState = { term: 0, offset: -1, writer: undefined, last: undefined };

export const leaseKey = ({ op, writer }: LeaseRecord): string => `${op === "claim" ? "claim" : "lease"}/${writer.instance}`;

/**
 * Decides a record, the same way in every process that reads the log: a claim counts if nothing valid came since its claimant looked, so
 * of several at once the first one wins, and a writer that has renewed in time keeps the lease. What a deposed writer says does not count.
 * Pure; a record that does not count gives back `state` itself.
 */
export function foldLease(state: LeaseState, offset: number, record: LeaseRecord): LeaseState {
  const { op, term, writer } = record;
  if (op === "claim") {
    if (record.follows !== state.offset || term <= state.term) return state;
    return { term, offset, writer, last: writer.instance };
  }
  const isWriters = term === state.term && writer.instance === state.last;
  // Compaction may have taken the claim away: it was valid, or its claimant would not renew.
  if (!isWriters && term <= state.term) return state;
  return { term, offset, writer: op === "renew" ? writer : undefined, last: writer.instance };
}

/** @throws Error when it is not one. */
export function decodeLeaseRecord(value: Uint8Array): LeaseRecord {
  const record = decodeJson(value) as LeaseRecord;
  const { op, term, writer } = record;
  if (!["claim", "renew", "release"].includes(op) || !Number.isInteger(term) || typeof writer?.instance !== "string") {
    throw new Error("op, term and writer are needed");
  }
  return record;
}
