import { type EventLog, type LogRecord, type NewRecord, topics } from "@atoll/event-log";
import type { Resource } from "@atoll/resource";
import type { Verdict } from "./change-set.ts";
import { type ConfigCapture, ConfigState } from "./config-state.ts";
import { readToHead } from "./follow.ts";
import type { HeldCapture } from "./in-effect/held-values.ts";
import { decodeJson, encodeJson } from "./record-codec.ts";

/**
 * The snapshots topic holds two slots, `a` and `b`. A writer uses the one that does not hold the newest complete snapshot, so that
 * a crash half way, or two writers at once, never cost the last good one.
 * Records: `<slot>/chunk/<n>` and, last, `<slot>/closing`; all carry the snapshot's id, and a slot counts only if every chunk does.
 */
const slots = ["a", "b"] as const;
type Slot = (typeof slots)[number];

const snapshotHeader = "atoll-snapshot";
/** Well under the record limit of every log adapter (Kafka: 1 MB unless configured). */
const chunkBytes = 256 * 1024;
const verdictsPerChunk = 1024;
const recordsPerAppend = 16;

interface Chunk {
  resources?: Resource[];
  verdicts?: [string, Verdict][];
  held?: HeldCapture[];
}

interface Closing {
  id: string;
  revision: number;
  checksum: string;
  chunks: number;
  resources: number;
}

export interface StoredSnapshot {
  slot: Slot;
  capture: ConfigCapture;
  /** Made from the capture to check it; the caller's to fold on. */
  state: ConfigState;
}

/** The newest complete snapshot whose content has the checksum it claims; undefined if there is none. */
export async function readNewestSnapshot(log: EventLog, signal?: AbortSignal): Promise<StoredSnapshot | undefined> {
  const newest = new Map<string, LogRecord>();
  for await (const batch of readToHead(log, topics.configSnapshots, 0, signal)) {
    for (const record of batch) if (record.key !== null) newest.set(record.key, record);
  }
  const found = slots
    .flatMap((slot) => {
      const closing = newest.get(`${slot}/closing`)?.value;
      return closing ? [{ slot, closing: decodeJson(closing) as Closing }] : [];
    })
    .sort((a, b) => b.closing.revision - a.closing.revision);
  for (const { slot, closing } of found) {
    const capture = assemble(slot, closing, newest);
    if (!capture) continue;
    const state = ConfigState.from(capture);
    if (state.checksum() === closing.checksum) return { slot, capture, state };
  }
  return undefined;
}

function assemble(slot: Slot, closing: Closing, records: ReadonlyMap<string, LogRecord>): ConfigCapture | undefined {
  const resources: Resource[] = [];
  const verdicts: [string, Verdict][] = [];
  const held = new Map<string, HeldCapture>();
  for (let n = 0; n < closing.chunks; n++) {
    const record = records.get(`${slot}/chunk/${n}`);
    if (!record?.value || record.headers[snapshotHeader] !== closing.id) return undefined;
    const chunk = decodeJson(record.value) as Chunk;
    for (const resource of chunk.resources ?? []) resources.push(resource);
    for (const verdict of chunk.verdicts ?? []) verdicts.push(verdict);
    // One zone's may be in several chunks.
    for (const { zone, meshes, values } of chunk.held ?? []) {
      held.set(zone, { zone, meshes, values: [...(held.get(zone)?.values ?? []), ...values] });
    }
  }
  const { revision, checksum } = closing;
  return { revision, checksum, resources, verdicts, ...(held.size > 0 && { held: [...held.values()] }) };
}

/** Appends the capture as the newest snapshot. Resolves when its closing marker is durable. */
export async function appendSnapshot(log: EventLog, capture: ConfigCapture, newest: StoredSnapshot | undefined): Promise<void> {
  const slot: Slot = newest?.slot === "a" ? "b" : "a";
  const id = `${capture.revision}-${capture.checksum}`;
  const headers = { [snapshotHeader]: id };
  await log.append(topics.configSnapshots, [{ key: `${slot}/closing`, value: null, headers }]);

  let chunks = 0;
  let pending: NewRecord[] = [];
  for (const value of chunksOf(capture)) {
    pending.push({ key: `${slot}/chunk/${chunks++}`, value, headers });
    if (pending.length < recordsPerAppend) continue;
    await log.append(topics.configSnapshots, pending);
    pending = [];
  }
  const { revision, checksum, resources } = capture;
  const closing: Closing = { id, revision, checksum, chunks, resources: resources.length };
  await log.append(topics.configSnapshots, [...pending, { key: `${slot}/closing`, value: encodeJson(closing), headers }]);
}

function* chunksOf(capture: ConfigCapture): Generator<Uint8Array> {
  let texts: string[] = [];
  let sizeBytes = 0;
  const flush = (): Uint8Array => {
    const chunk = Buffer.from(`{"resources":[${texts.join(",")}]}`);
    texts = [];
    sizeBytes = 0;
    return chunk;
  };
  for (const resource of capture.resources) {
    const text = JSON.stringify(resource);
    texts.push(text);
    sizeBytes += text.length;
    if (sizeBytes >= chunkBytes) yield flush();
  }
  if (texts.length > 0) yield flush();
  for (let i = 0; i < capture.verdicts.length; i += verdictsPerChunk) {
    yield encodeJson({ verdicts: capture.verdicts.slice(i, i + verdictsPerChunk) });
  }
  for (const { zone, meshes, values } of capture.held ?? []) {
    for (const part of partsOf(values)) yield encodeJson({ held: [{ zone, meshes, values: part }] });
  }
}

/** At least one, each about as long as a chunk may be. */
function* partsOf(values: HeldCapture["values"]): Generator<HeldCapture["values"]> {
  let part: HeldCapture["values"] = [];
  let sizeBytes = 0;
  for (const value of values) {
    part.push(value);
    sizeBytes += JSON.stringify(value).length;
    if (sizeBytes < chunkBytes) continue;
    yield part;
    [part, sizeBytes] = [[], 0];
  }
  if (part.length > 0 || values.length === 0) yield part;
}
