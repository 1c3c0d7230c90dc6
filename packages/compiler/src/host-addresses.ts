import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

export interface HostAddressesOptions {
  /** Names that are still needed; others are forgotten. */
  inUse: () => Iterable<string>;
  /** A name came to stand for another address. */
  onChange: (host: string) => void;
  /** All IP addresses of a host name; rejects if there are none. Default: as the machine resolves names. */
  resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
  /** How long an answer holds, in milliseconds: the machine's resolver does not tell. Default 30,000. */
  refreshMs?: number | undefined;
}

/**
 * What host names in the addresses of proxies stand for: the lexically first of a name's IP addresses (dataplane.md 1.2). Asking
 * never waits; an answer that is new is told. A name that cannot be resolved any more keeps its last address.
 */
export class HostAddresses {
  readonly #options: HostAddressesOptions;
  readonly #known = new Map<string, { address: string | undefined }>();
  readonly #resolve: (host: string) => Promise<readonly string[]>;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HostAddressesOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? (async (host) => (await lookup(host, { all: true })).map(({ address }) => address));
  }

  /** The host's IP address; undefined while there is none. An IP address stands for itself. */
  get(host: string): string | undefined {
    if (isIP(host)) return host;
    if (host === "localhost") return "127.0.0.1";
    let known = this.#known.get(host);
    if (known === undefined) {
      known = { address: undefined };
      this.#known.set(host, known);
      void this.#ask(host, known);
      this.#schedule();
    }
    return known.address;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #ask(host: string, known: { address: string | undefined }): Promise<void> {
    const answers = await this.#resolve(host).catch((): string[] => []);
    const address = answers.toSorted((a, b) => (a < b ? -1 : 1))[0] ?? known.address;
    if (this.#closed || address === known.address) return;
    known.address = address;
    this.#options.onChange(host);
  }

  /** Runs only while there are host names. */
  #schedule(): void {
    if (this.#closed || this.#known.size === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const needed = new Set(this.#options.inUse());
      for (const [host, known] of this.#known) {
        if (needed.has(host)) void this.#ask(host, known);
        else this.#known.delete(host);
      }
      this.#schedule();
    }, this.#options.refreshMs ?? 30_000);
    this.#timer.unref();
  }
}
