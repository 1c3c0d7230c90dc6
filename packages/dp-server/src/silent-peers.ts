import type { Connection } from "./kernel-answers.ts";

/** What is asked of a socket. */
export interface PeerSocket {
  readonly bytesRead: number;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  once(event: "close", listener: () => void): unknown;
  destroy(): unknown;
}

export interface SilentPeersOptions {
  /** Whether the peer (`address:port`) has yet to answer something that takes it time. */
  isBusy: (peer: string) => boolean;
  /** Whether the peer's machine takes what is sent to it; undefined = it cannot be told. */
  machineAnswers: (connection: Connection) => boolean | undefined;
  onBusy: (peer: string, silentMs: number) => void;
  onBack: (peer: string, silentMs: number) => void;
  onDead: (peer: string, silentMs: number, why: string) => void;
  /** Milliseconds that never go back. */
  clock: () => number;
  /** Who is silent for so long, though asked, is dead or busy. */
  silentMs: number;
  /** Nobody is busy for longer. */
  busyMs: number;
}

interface Peer {
  name: string;
  bytes: number;
  heardAt: number;
  isSpared: boolean;
}

/**
 * Ends connections whose peer is gone. Peers are asked all the time and answer at once, as long as they are not at something else: an Envoy that
 * takes in a large configuration reads nothing meanwhile. It is not dead as long as its machine takes what is sent to it.
 */
export class SilentPeers {
  readonly #options: SilentPeersOptions;
  readonly #peers = new Map<PeerSocket, Peer>();

  constructor(options: SilentPeersOptions) {
    this.#options = options;
  }

  watch(socket: PeerSocket): void {
    const name = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#peers.set(socket, { name, bytes: socket.bytesRead, heardAt: this.#options.clock(), isSpared: false });
    socket.once("close", () => this.#peers.delete(socket));
  }

  /** To be called every few seconds. */
  look(): void {
    const now = this.#options.clock();
    for (const [socket, peer] of this.#peers) {
      const silentMs = now - peer.heardAt;
      if (socket.bytesRead !== peer.bytes) {
        if (peer.isSpared) this.#options.onBack(peer.name, silentMs);
        Object.assign(peer, { bytes: socket.bytesRead, heardAt: now, isSpared: false });
        continue;
      }
      if (silentMs < this.#options.silentMs) continue;
      const why = this.#whyDead(socket, peer, silentMs);
      if (why !== undefined) {
        this.#peers.delete(socket);
        this.#options.onDead(peer.name, silentMs, why);
        socket.destroy();
      } else if (!peer.isSpared) {
        peer.isSpared = true;
        this.#options.onBusy(peer.name, silentMs);
      }
    }
  }

  #whyDead({ localPort = 0, remoteAddress = "", remotePort = 0 }: PeerSocket, { name }: Peer, silentMs: number): string | undefined {
    const { isBusy, machineAnswers, busyMs } = this.#options;
    if (silentMs >= busyMs) return "it has not answered for too long";
    if (!isBusy(name)) return "it does not answer, and has nothing to work on";
    return machineAnswers({ localPort, remoteAddress, remotePort }) === false ? "its machine does not answer" : undefined;
  }
}
