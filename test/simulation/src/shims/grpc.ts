/** `@grpc/grpc-js` of a simulated process: the same calls over the simulated network. What is of no network is the real one's. */
import { type Metadata, status } from "@grpc/grpc-js";
import { currentProcess } from "../world/world.ts";
import { currentSimulation } from "../world/simulation.ts";
import { ClientStream, failure, Link, type ClientEnd, type Status } from "./grpc-call.ts";
import type { Server as SimulatedServer } from "./grpc-server.ts";

export { Metadata, status } from "@grpc/grpc-js";
export { Server, ServerCredentials } from "./grpc-server.ts";

type Serialize = (message: unknown) => Buffer;
type Deserialize = (bytes: Buffer) => unknown;
type Callback = (error: Error | null, answer?: unknown) => void;

export class ChannelCredentials {
  static createInsecure(): ChannelCredentials {
    return new ChannelCredentials();
  }
  static createFromSecureContext(): ChannelCredentials {
    return new ChannelCredentials();
  }
  static createSsl(): ChannelCredentials {
    return new ChannelCredentials();
  }
}
export const credentials = ChannelCredentials;

class UnaryCall implements ClientEnd {
  link: Link | undefined;
  readonly #deserialize: Deserialize;
  readonly #done: Callback;
  #answer: Buffer | undefined;
  #over = false;

  constructor(deserialize: Deserialize, done: Callback) {
    this.#deserialize = deserialize;
    this.#done = done;
  }

  receive(bytes: Buffer): void {
    this.#answer = bytes;
  }

  finish(end: Status): void {
    if (this.#over) return;
    this.#over = true;
    this.link?.over();
    if (end.code === status.OK) this.#done(null, this.#deserialize(this.#answer!));
    else this.#done(failure(end));
  }

  cancel(): void {
    if (this.#over) return;
    const { link } = this;
    link?.up.send(() => link.server?.cancel());
    currentSimulation().world.schedule(0, () => this.finish({ code: status.CANCELLED, details: "Cancelled on client" }));
  }
}

export class Client {
  readonly #target: string;
  #closed = false;

  constructor(target: string) {
    this.#target = target;
  }

  makeUnaryRequest(
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
    message: unknown,
    metadata: Metadata,
    { deadline }: { deadline?: number },
    done: Callback,
  ): UnaryCall {
    const call = new UnaryCall(deserialize, done);
    call.link = this.#open(call, path, metadata, Buffer.from(serialize(message)));
    if (deadline !== undefined) {
      const { world } = currentSimulation();
      world.schedule(deadline - world.wallMs(), () => call.finish({ code: status.DEADLINE_EXCEEDED, details: "Deadline exceeded" }));
    }
    return call;
  }

  makeServerStreamRequest(
    path: string,
    serialize: Serialize,
    deserialize: Deserialize,
    message: unknown,
    metadata: Metadata,
  ): ClientStream {
    const stream = new ClientStream(deserialize);
    stream.link = this.#open(stream, path, metadata, Buffer.from(serialize(message)));
    return stream;
  }

  makeBidiStreamRequest(path: string, serialize: Serialize, deserialize: Deserialize, metadata: Metadata): ClientStream {
    const stream = new ClientStream(deserialize, serialize);
    stream.link = this.#open(stream, path, metadata, undefined);
    return stream;
  }

  close(): void {
    this.#closed = true;
  }

  #open(end: ClientEnd, path: string, metadata: Metadata, request: Buffer | undefined): Link | undefined {
    const { network, world } = currentSimulation();
    const listener = network.grpc.get(this.#target);
    if (!listener || this.#closed) {
      const details = this.#closed ? "Channel has been shut down" : `No connection established to ${this.#target}`;
      world.schedule(network.delay(), () => end.finish({ code: status.UNAVAILABLE, details }));
      return undefined;
    }
    const link = new Link(network, currentProcess()!, listener.process);
    link.client = end;
    link.up.send(() => {
      // Who is there now may be another one.
      if (network.grpc.get(this.#target)?.server !== listener.server) link.lost(link.ends[0], "connection refused");
      else (listener.server as SimulatedServer).accept(link, path, metadata.clone(), request);
    });
    return link;
  }
}
