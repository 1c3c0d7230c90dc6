import { create } from "@bufbuild/protobuf";
import { HeartbeatSchema } from "@atoll/kds-api";
import type { Heartbeat as HeartbeatMessage } from "@atoll/kds-api";

/** How far a side is. */
export interface Progress {
  /** Configuration revision folded. */
  revision: number;
  /** Of the folded state at `revision`; "" = not known. */
  checksum: string;
  /** Next offset wanted, by topic. */
  positions?: Readonly<Record<string, number>>;
}

export interface Heartbeat extends Progress {
  positions: Readonly<Record<string, number>>;
  /** By the sender's clock. */
  sentAtMs: number;
  /** By ours. */
  receivedAtMs: number;
}

export const encodeHeartbeat = ({ revision, checksum, positions = {} }: Progress, nowMs: number): HeartbeatMessage =>
  create(HeartbeatSchema, {
    sentAtMs: BigInt(nowMs),
    revision: BigInt(revision),
    checksum,
    positions: Object.fromEntries(Object.entries(positions).map(([topic, offset]) => [topic, BigInt(offset)])),
  });

export const decodeHeartbeat = (message: HeartbeatMessage, nowMs: number): Heartbeat => ({
  revision: Number(message.revision),
  checksum: message.checksum,
  positions: Object.fromEntries(Object.entries(message.positions).map(([topic, offset]) => [topic, Number(offset)])),
  sentAtMs: Number(message.sentAtMs),
  receivedAtMs: nowMs,
});

export type SyncAlarm =
  /** Connected, behind, and not moving. */
  | { type: "stalled"; revision: number; head: number; sinceMs: number }
  /** The same revision, but not the same state. */
  | { type: "diverged"; revision: number; ours: string; theirs: string };

/** Since when a follower has stood still at a revision while its source was ahead. */
export interface Standstill {
  revision: number;
  sinceMs: number;
}

/** Compares a follower with its source at a heartbeat of the source. Pure: `before` is what the last call gave as `standstill`. */
export function judgeSync(
  before: Standstill | undefined,
  follower: Progress,
  source: Progress,
  nowMs: number,
  stallMs: number,
): { standstill?: Standstill; alarm?: SyncAlarm } {
  if (follower.revision === source.revision) {
    const known = follower.checksum !== "" && source.checksum !== "";
    if (!known || follower.checksum === source.checksum) return {};
    return { alarm: { type: "diverged", revision: follower.revision, ours: follower.checksum, theirs: source.checksum } };
  }
  if (follower.revision > source.revision) return {};
  const standstill = before?.revision === follower.revision ? before : { revision: follower.revision, sinceMs: nowMs };
  const stoodMs = nowMs - standstill.sinceMs;
  if (stoodMs < stallMs) return { standstill };
  // Counted anew: the reset gets its time to work.
  return { alarm: { type: "stalled", revision: follower.revision, head: source.revision, sinceMs: stoodMs } };
}
