import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";

// A CommonJS module whose names Node does not see when it runs the sources.
const { fromByteArray, isValid, isValidCIDR, parse, parseCIDR } = ipaddr;

export const isAddressRange = (text: string): boolean => isValidCIDR(text);

/** The addresses of a CIDR in ascending order, the first and the last included. */
export class AddressRange {
  readonly #first: IPv4 | IPv6;
  readonly #bits: number;

  /** @throws Error if `cidr` is not `address/bits`. */
  constructor(cidr: string) {
    const [address, bits] = parseCIDR(cidr);
    const family = address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
    this.#first = family.networkAddressFromCIDR(cidr);
    this.#bits = bits;
  }

  includes(address: string): boolean {
    if (!isValid(address)) return false;
    const parsed = parse(address);
    return parsed.kind() === this.#first.kind() && parsed.match(this.#first, this.#bits);
  }

  *[Symbol.iterator](): Generator<string> {
    yield* this.#from(this.#first.toByteArray());
  }

  /** Addresses that are not among `taken`: first those after the highest of them, then the others. */
  *free(taken: Iterable<string>): Generator<string> {
    const mine = new Set([...taken].filter((address) => this.includes(address)));
    const highest = [...mine].map((address) => parse(address).toByteArray()).reduce<number[] | undefined>(greater, undefined);
    const beyond = highest !== undefined && increment(highest) ? fromByteArray(highest).toString() : undefined;
    if (beyond !== undefined) yield* this.#from(parse(beyond).toByteArray());
    for (const address of this) {
      if (address === beyond) return;
      if (!mine.has(address)) yield address;
    }
  }

  *#from(bytes: number[]): Generator<string> {
    for (;;) {
      const address = fromByteArray(bytes).toString();
      if (!this.includes(address)) return;
      yield address;
      if (!increment(bytes)) return;
    }
  }
}

/** False when there is no address after this one. */
function increment(bytes: number[]): boolean {
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = (bytes[index]! + 1) % 256;
    if (bytes[index] !== 0) return true;
  }
  return false;
}

const greater = (a: number[] | undefined, b: number[]): number[] =>
  a === undefined || Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 ? b : a;
