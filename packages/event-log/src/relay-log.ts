import { create } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { LogRelay, ReadRequestSchema } from "@atoll/kds-api";
import { Client, Metadata } from "@grpc/grpc-js";
import type { ChannelCredentials, ChannelOptions, ClientReadableStream } from "@grpc/grpc-js";
import type { AppendOptions, LogRecord, MirrorLog, MirrorOptions, NewRecord, TopicConfig, TopicDescription } from "./event-log.ts";
import type { ReadResponse } from "@atoll/kds-api";
import { LogError, maxAppendBytes, recordBytes } from "./event-log.ts";
import { Backoff } from "./backoff.ts";
import { methodDefinition } from "./grpc-service.ts";
import { pause } from "./pause.ts";
import { decodeCleanup, decodeRecord, encodeCleanup, encodeRecord, fromStatus, relayChannelOptions } from "./relay-codec.ts";

export interface RelayLogOptions {
  /** host:port of a `LogRelay` service. */
  address: string;
  credentials: ChannelCredentials;
  channelOptions?: ChannelOptions;
  /** Asked at every call, so that a renewed token is used at once. Sent as `authorization: Bearer`. */
  token?: () => string;
  /** For each call but `read`. Default: 10 s. */
  callTimeoutMs?: number;
  /** A read lost its stream and will open another after `delayMs`. For logs and metrics. */
  onReadInterrupted?: (topic: string, error: LogError, delayMs: number) => void;
}

interface WaitingAppend {
  records: readonly NewRecord[];
  bytes: number;
  durable: boolean;
  resolve(offsets: number[]): void;
  reject(error: LogError): void;
}

interface Outbox {
  busy: boolean;
  waiting: WaitingAppend[];
}

/**
 * A log that another process owns, over gRPC. Reads outlive the connection: they go on at their offset. Appends of one topic keep their
 * order: while a request is under way the next ones wait, and then go together. An append that was cut off is not repeated: the
 * caller knows whether repeating is safe.
 */
export class RelayLog implements MirrorLog {
  private client: Client;
  private options: RelayLogOptions;
  private readonly outboxes = new Map<string, Outbox>();
  private readonly streams = new Set<ClientReadableStream<ReadResponse>>();
  private readonly closing = new AbortController();
  private suspension: { because: LogError; over: PromiseWithResolvers<void> } | undefined;

  constructor(options: RelayLogOptions) {
    this.options = options;
    this.client = this.dial();
  }

  async ensureTopic(topic: TopicConfig): Promise<void> {
    await this.call(LogRelay.method.ensureTopic, { topic: topic.name, cleanup: encodeCleanup(topic.cleanup) });
  }

  async append(topic: string, records: readonly NewRecord[], { durable = true }: AppendOptions = {}): Promise<number[]> {
    this.assertOpen();
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
    if (bytes > maxAppendBytes) throw new LogError("too-large", `append of ${bytes} bytes to ${topic}: at most ${maxAppendBytes}`);
    let outbox = this.outboxes.get(topic);
    if (!outbox) this.outboxes.set(topic, (outbox = { busy: false, waiting: [] }));
    const box = outbox;
    return new Promise((resolve, reject) => {
      box.waiting.push({ records, bytes, durable, resolve, reject });
      if (box.busy) return;
      box.busy = true;
      // What else is appended now goes along.
      queueMicrotask(() => void this.empty(topic, box));
    });
  }

  async appendMirror(topic: string, records: readonly LogRecord[], options: MirrorOptions = {}): Promise<number> {
    const { incarnation, replacement, term } = options;
    const { head } = await this.call(LogRelay.method.appendMirror, {
      topic,
      records: records.map(encodeRecord),
      incarnation: incarnation ?? "",
      replacement: replacement && { ...replacement, tail: BigInt(replacement.tail) },
      term: term === undefined ? undefined : BigInt(term),
    });
    return Number(head);
  }

  async *read(topic: string, fromOffset: number, signal: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    const backoff = new Backoff();
    const stop = AbortSignal.any([signal, this.closing.signal]);
    let position = fromOffset;
    let incarnation = "";
    let caughtUp = false;
    while (!stop.aborted) {
      if (this.suspension) {
        if (!this.suspension.because.canRetry) throw this.suspension.because;
        await Promise.race([this.suspension.over.promise, aborted(stop)]);
        continue;
      }
      const stream = this.openRead(topic, position, incarnation);
      const cancel = (): void => stream.cancel();
      stop.addEventListener("abort", cancel);
      // The loop below sees the errors; one that comes after it has ended is of no interest.
      stream.on("error", () => {});
      this.streams.add(stream);
      try {
        for await (const message of stream as AsyncIterable<ReadResponse>) {
          backoff.reset();
          if (message.incarnation !== "") incarnation = message.incarnation;
          const last = message.records.at(-1);
          if (last) {
            position = Number(last.offset) + 1;
            yield message.records.map(decodeRecord);
          }
          if (message.caughtUp && !caughtUp) {
            caughtUp = true;
            yield [];
          }
          if (stop.aborted) break;
        }
        if (!stop.aborted) throw new LogError("unavailable", "the relay ended the stream");
      } catch (error) {
        if (stop.aborted) break;
        if (this.suspension) continue;
        const failure = fromStatus(error);
        if (!failure.canRetry) throw failure;
        const delayMs = backoff.next();
        this.options.onReadInterrupted?.(topic, failure, delayMs);
        await pause(delayMs, stop);
      } finally {
        stop.removeEventListener("abort", cancel);
        this.streams.delete(stream);
        stream.cancel();
      }
    }
    this.assertOpen();
  }

  async head(topic: string): Promise<number> {
    return (await this.describe(topic)).head;
  }

  async tail(topic: string): Promise<number> {
    return (await this.describe(topic)).tail;
  }

  async describe(topic: string): Promise<TopicDescription> {
    const { head, tail, incarnation, cleanup, copyIncarnation, copyHead } = await this.call(LogRelay.method.describe, { topic });
    const copy = { incarnation: copyIncarnation, head: Number(copyHead) };
    return { head: Number(head), tail: Number(tail), incarnation, cleanup: decodeCleanup(cleanup), copy };
  }

  /** Gives up the connection for a new one: the reads go on over it. For a stream that is alive but brings nothing. */
  reset(): void {
    if (this.closing.signal.aborted) return;
    const old = this.client;
    this.client = this.dial();
    for (const stream of this.streams) stream.cancel();
    old.close();
  }

  /**
   * Nothing is read or written any more until `resume`: what is asked is refused with this error. Reads wait if it says that it can be
   * tried again, and end with it otherwise.
   */
  suspend(because: LogError): void {
    const before = this.suspension;
    this.suspension = { because, over: Promise.withResolvers() };
    before?.over.resolve();
    for (const stream of this.streams) stream.cancel();
  }

  resume(): void {
    this.suspension?.over.resolve();
    this.suspension = undefined;
  }

  /** The log is reached another way from now on. */
  redirect(way: Partial<Pick<RelayLogOptions, "address" | "credentials" | "channelOptions">>): void {
    this.options = { ...this.options, ...way };
    this.reset();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.client.close();
  }

  private dial(): Client {
    // A connection of its own: nothing else delays the records.
    return new Client(this.options.address, this.options.credentials, {
      ...relayChannelOptions,
      ...this.options.channelOptions,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    if (this.options.token) metadata.set("authorization", `Bearer ${this.options.token()}`);
    return metadata;
  }

  private openRead(topic: string, position: number, incarnation: string): ClientReadableStream<ReadResponse> {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(LogRelay.method.read);
    const request = create(ReadRequestSchema, { topic, fromOffset: BigInt(position), incarnation });
    return this.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, this.metadata());
  }

  private async empty(topic: string, box: Outbox): Promise<void> {
    for (let group = takeGroup(box); group.length > 0; group = takeGroup(box)) {
      try {
        const records = group.flatMap((append) => append.records.map(encodeRecord));
        const notDurable = group.every(({ durable }) => !durable);
        const { offsets } = await this.call(LogRelay.method.append, { topic, records, notDurable });
        let next = 0;
        for (const append of group) append.resolve(offsets.slice(next, (next += append.records.length)).map(Number));
      } catch (error) {
        for (const append of group) append.reject(fromStatus(error));
      }
    }
    box.busy = false;
  }

  private call<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    this.assertOpen();
    if (this.suspension) return Promise.reject(this.suspension.because);
    const { path, requestSerialize, responseDeserialize } = methodDefinition<I, O>(method);
    const deadline = Date.now() + (this.options.callTimeoutMs ?? 10_000);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        create(method.input, request) as MessageShape<I>,
        this.metadata(),
        { deadline },
        (error, answer) => (error ? reject(fromStatus(error)) : resolve(answer as MessageShape<O>)),
      );
    });
  }

  private assertOpen(): void {
    if (this.closing.signal.aborted) throw new LogError("closed", "the log is closed");
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** The longest run of waiting appends that fits one request. */
function takeGroup(box: Outbox): WaitingAppend[] {
  let bytes = 0;
  let count = 0;
  for (const append of box.waiting) {
    bytes += append.bytes;
    if (count > 0 && bytes > maxAppendBytes) break;
    count += 1;
  }
  return box.waiting.splice(0, count);
}
