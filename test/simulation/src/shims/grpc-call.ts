import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { Metadata, status, type MethodDefinition } from "@grpc/grpc-js";
import type { Connection, Lane, Network } from "../world/network.ts";
import type { Process } from "../world/world.ts";

export interface Status {
  code: status;
  details: string;
  metadata?: Metadata;
}

export type Method = MethodDefinition<unknown, unknown>;
type Deserialize = (bytes: Buffer) => unknown;

/** What a call that fails ends with, as grpc-js makes it. */
export const failure = ({ code, details, metadata = new Metadata() }: Status): Error & Status =>
  Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });

const windowBytes = 1 << 20;

/** Both ends of one call, and the link between them. */
export class Link implements Connection {
  readonly ends: readonly [Process, Process];
  readonly up: Lane;
  readonly down: Lane;
  client: ClientEnd | undefined;
  server: ServerCall | undefined;
  readonly #network: Network;

  constructor(network: Network, client: Process, server: Process) {
    this.#network = network;
    this.ends = [client, server];
    this.up = network.lane(client, server);
    this.down = network.lane(server, client);
    network.connected(this);
  }

  lost(process: Process, reason: string): void {
    this.up.close();
    this.down.close();
    if (process === this.ends[0]) this.client?.finish({ code: status.UNAVAILABLE, details: reason });
    else this.server?.cancel();
  }

  over(): void {
    this.#network.ended(this);
  }
}

export interface ClientEnd {
  receive(bytes: Buffer): void;
  finish(end: Status): void;
}

/** The client's end of a stream of answers, with or without one of questions. */
export class ClientStream extends Readable implements ClientEnd {
  link: Link | undefined;
  readonly #serialize: ((message: unknown) => Buffer) | undefined;
  readonly #deserialize: Deserialize;
  #end: Status | undefined;
  #over = false;

  constructor(deserialize: Deserialize, serialize?: (message: unknown) => Buffer) {
    super({ objectMode: true, highWaterMark: 1, read: () => undefined });
    this.#deserialize = deserialize;
    this.#serialize = serialize;
  }

  write(message: unknown): boolean {
    const { link } = this;
    if (this.#over || !link) return true;
    const bytes = Buffer.from(this.#serialize!(message));
    link.up.send(() => link.server?.receive(bytes));
    return true;
  }

  end(): void {
    const { link } = this;
    link?.up.send(() => link.server?.ended());
  }

  cancel(): void {
    if (this.#over) return;
    this.#leave();
    this.#over = true;
    this.destroy(failure({ code: status.CANCELLED, details: "Cancelled on client" }));
  }

  receive(bytes: Buffer): void {
    if (!this.#over) this.push(this.#deserialize(bytes));
  }

  finish(end: Status): void {
    if (this.#over) return;
    this.#over = true;
    this.link?.over();
    this.#end = end;
    if (end.code === status.OK) this.push(null);
    else this.#settle();
  }

  /** The status comes after what came before it was read. */
  #settle(): void {
    const end = this.#end;
    if (!end || this.destroyed) return;
    if (this.readableLength === 0) this.destroy(failure(end));
    else setTimeout(() => this.#settle(), 5);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#over) this.#leave();
    this.#over = true;
    done(error);
  }

  #leave(): void {
    const { link } = this;
    if (!link) return;
    link.up.send(() => link.server?.cancel());
    link.over();
  }
}

/** The server's end of any call. */
export class ServerCall extends EventEmitter {
  readonly metadata: Metadata;
  readonly request: unknown;
  cancelled = false;
  readonly #link: Link;
  readonly #method: Method;
  readonly #incoming: (Buffer | "end")[] = [];
  #paused = false;
  #flowing = false;
  #over = false;
  #inFlight = 0;

  constructor(link: Link, method: Method, metadata: Metadata, request: unknown) {
    super();
    this.#link = link;
    this.#method = method;
    this.metadata = metadata;
    this.request = request;
    link.server = this;
    this.on("newListener", (event) => event === "data" && process.nextTick(() => this.#flow()));
  }

  /** Neither side has ended it, as far as this one knows. */
  get isOpen(): boolean {
    return !this.#over;
  }

  getPeer(): string {
    return `${this.#link.ends[0].host.name}:1`;
  }

  getDeadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  sendMetadata(): void {}

  write(message: unknown): boolean {
    if (this.#over) return true;
    const bytes = Buffer.from(this.#method.responseSerialize(message));
    this.#inFlight += bytes.length;
    const link = this.#link;
    link.down.send(() => {
      link.client?.receive(bytes);
      const wasFull = this.#inFlight >= windowBytes;
      this.#inFlight -= bytes.length;
      if (wasFull && this.#inFlight < windowBytes) link.up.send(() => this.emit("drain"));
    });
    return this.#inFlight < windowBytes;
  }

  end(): void {
    this.finish({ code: status.OK, details: "" });
  }

  finish(end: Status): void {
    if (this.#over) return;
    this.#over = true;
    const link = this.#link;
    link.down.send(() => link.client?.finish(end));
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event !== "error") return super.emit(event, ...args);
    const { code = status.UNKNOWN, details = "", metadata } = args[0] as Partial<Status>;
    this.finish({ code, details, metadata });
    return this.listenerCount("error") > 0 ? super.emit(event, ...args) : true;
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    process.nextTick(() => this.#flow());
    return this;
  }

  receive(bytes: Buffer): void {
    this.#incoming.push(bytes);
    this.#flow();
  }

  ended(): void {
    this.#incoming.push("end");
    this.#flow();
  }

  /** The client is gone. */
  cancel(): void {
    if (this.cancelled || this.#over) return;
    this.cancelled = true;
    this.#over = true;
    super.emit("cancelled", "cancelled");
    super.emit("close");
  }

  #flow(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    while (!this.#paused && !this.cancelled && this.listenerCount("data") > 0 && this.#incoming.length > 0) {
      const next = this.#incoming.shift()!;
      if (next === "end") super.emit("end");
      else super.emit("data", this.#method.requestDeserialize(next));
    }
    this.#flowing = false;
  }
}
