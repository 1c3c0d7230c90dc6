import type { FastifyInstance } from "fastify";
import type { Process, World } from "./world.ts";

/** A connection that may be cut: both ends hear of it. */
export interface Connection {
  readonly ends: readonly [Process, Process];
  /** Each end is told once, if it lives. What is under way does not arrive. */
  lost(process: Process, reason: string): void;
}

const keepAliveMs = 20_000;
const retryMs = 50;

/** What is sent arrives in its order, late or never. */
export class Lane {
  readonly #world: World;
  readonly #network: Network;
  readonly #from: Process;
  readonly #to: Process;
  readonly #queue: { at: number; arrive: () => void }[] = [];
  #lastAt = 0;
  #busy = false;
  #closed = false;

  constructor(world: World, network: Network, from: Process, to: Process) {
    this.#world = world;
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  send(arrive: () => void): void {
    this.#lastAt = Math.max(this.#lastAt, this.#world.now + this.#network.delay());
    this.#queue.push({ at: this.#lastAt, arrive });
    this.#pump();
  }

  #pump(): void {
    const [first] = this.#queue;
    if (this.#busy || !first) return;
    this.#busy = true;
    this.#world.schedule(first.at - this.#world.now, () => this.#step(), null);
  }

  /** Nothing arrives any more. */
  close(): void {
    this.#closed = true;
  }

  #step(): void {
    if (this.#to.dead || this.#closed) return;
    if (this.#network.isBlocked(this.#from.host.name, this.#to.host.name)) {
      this.#world.schedule(retryMs, () => this.#step(), null);
      return;
    }
    const { arrive } = this.#queue.shift()!;
    this.#world.schedule(0, arrive, this.#to);
    this.#busy = false;
    this.#pump();
  }
}

/**
 * Who reaches whom, and how long it takes. What is sent between two machines on one connection arrives in its order; while a direction is
 * blocked it waits, and a connection over which nothing comes for 20 s is given up by both ends, as gRPC's keepalive does.
 */
export class Network {
  readonly #world: World;
  readonly #blocked = new Map<string, number>();
  readonly #connections = new Set<Connection>();
  readonly grpc = new Map<string, { process: Process; server: unknown }>();
  readonly http = new Map<string, { process: Process; app: FastifyInstance }>();
  /** Of each message. */
  latencyMs: [number, number] = [0.1, 2];

  constructor(world: World) {
    this.#world = world;
    const look = (): void => {
      for (const connection of [...this.#connections]) this.#judge(connection);
      world.schedule(1_000, look, null);
    };
    world.schedule(1_000, look, null);
  }

  delay(): number {
    return this.#world.random.between(...this.latencyMs);
  }

  block(from: string, to: string): void {
    const way = `${from}>${to}`;
    if (!this.#blocked.has(way)) this.#blocked.set(way, this.#world.now);
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(`${from}>${to}`);
  }

  unblockAll(): void {
    this.#blocked.clear();
  }

  isBlocked(from: string, to: string): boolean {
    return this.#blocked.has(`${from}>${to}`);
  }

  /** Brings something to another machine; it waits for as long as the way is blocked. */
  carry(from: Process, to: Process, arrive: () => void): void {
    this.lane(from, to).send(arrive);
  }

  /** One direction of a connection. */
  lane(from: Process, to: Process): Lane {
    return new Lane(this.#world, this, from, to);
  }

  connected(connection: Connection): void {
    this.#connections.add(connection);
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** The kernel of a machine whose process is gone says so to whoever it is connected to, if it can be reached. */
  died(process: Process): void {
    for (const address of [...this.grpc.keys()]) if (this.grpc.get(address)!.process === process) this.grpc.delete(address);
    for (const address of [...this.http.keys()]) if (this.http.get(address)!.process === process) this.http.delete(address);
    for (const connection of [...this.#connections]) {
      const [one, other] = connection.ends;
      if (one !== process && other !== process) continue;
      const peer = one === process ? other : one;
      if (this.isBlocked(process.host.name, peer.host.name)) continue;
      this.#connections.delete(connection);
      this.#world.schedule(this.delay(), () => connection.lost(peer, "the other side is gone"), peer);
    }
  }

  /** Cuts what is open between two machines. */
  cut(one: string, other: string): void {
    for (const connection of [...this.#connections]) {
      const names = connection.ends.map(({ host }) => host.name);
      if (names.includes(one) && names.includes(other)) this.#giveUp(connection, "connection reset");
    }
  }

  readonly #silentSince = new WeakMap<Connection, number>();

  #judge(connection: Connection): void {
    const [one, other] = connection.ends;
    const answers =
      !one.dead &&
      !other.dead &&
      !one.frozen &&
      !other.frozen &&
      !this.isBlocked(one.host.name, other.host.name) &&
      !this.isBlocked(other.host.name, one.host.name);
    if (answers) {
      this.#silentSince.delete(connection);
      return;
    }
    const since = this.#silentSince.get(connection) ?? this.#world.now;
    this.#silentSince.set(connection, since);
    if (this.#world.now - since >= keepAliveMs) this.#giveUp(connection, "keepalive: nothing was heard");
  }

  #giveUp(connection: Connection, reason: string): void {
    this.#connections.delete(connection);
    for (const end of connection.ends) if (!end.dead) this.#world.schedule(0, () => connection.lost(end, reason), end);
  }

  /** A request over HTTP. Rejects if no answer came, which says nothing about whether it was done. */
  request(
    from: Process,
    address: string,
    request: { method: string; url: string; headers?: Record<string, string>; payload?: string | Uint8Array },
    timeoutMs: number,
  ): Promise<{ status: number; headers: Record<string, string>; text: string }> {
    const world = this.#world;
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (finish: () => void): void => {
        if (over) return;
        over = true;
        this.ended(connection);
        finish();
      };
      const target = this.http.get(address);
      const connection: Connection = {
        ends: [from, target?.process ?? from],
        lost: (_process, reason) => end(() => reject(new Error(`${address}: ${reason}`))),
      };
      world.schedule(timeoutMs, () => end(() => reject(new Error(`${address}: no answer within ${timeoutMs} ms`))), from);
      if (!target) {
        world.schedule(
          this.delay(),
          () => end(() => reject(Object.assign(new Error(`${address}: connection refused`), { refused: true }))),
          from,
        );
        return;
      }
      this.connected(connection);
      this.carry(from, target.process, () => {
        const url = request.url;
        target.app
          .inject({ ...request, url, payload: request.payload, remoteAddress: "127.0.0.1" } as never)
          .then((answer) => {
            const headers = answer.headers as Record<string, string>;
            const text = answer.body;
            this.carry(target.process, from, () => end(() => resolve({ status: answer.statusCode, headers, text })));
          })
          .catch((error: unknown) => world.violated(`${address} did not answer ${request.method} ${url}: ${String(error)}`));
      });
    });
  }
}
