import ipaddr, { type IPv4, type IPv6 } from "ipaddr.js";

// A CommonJS module whose names Node does not see when it runs the sources.
const { fromByteArray, isValid, isValidCIDR, parse, parseCIDR } = ipaddr;

export const isAddressRange = (text: string): boolean => isValidCIDR(text);

/** The addresses of a CIDR in ascending order, the first and the last included. */
export class AddressRange {
  readonly #first: IPv4 | IPv6;
  readonly #bits: number;
  /** Of a range of IPv4: as numbers, since tens of thousands are looked at for each address that is given out. */
  readonly #numbers: { first: number; last: number } | undefined;

  /** @throws Error if `cidr` is not `address/bits`. */
  constructor(cidr: string) {
    const [address, bits] = parseCIDR(cidr);
    const family = address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
    this.#first = family.networkAddressFromCIDR(cidr);
    this.#bits = bits;
    if (address.kind() === "ipv4") {
      const first = ipv4Number(this.#first.toString())!;
      this.#numbers = { first, last: first + 2 ** (32 - bits) - 1 };
    }
  }

  /** The range in its one form, however it was written. */
  get network(): { address: string; bits: number } {
    return { address: this.#first.toString(), bits: this.#bits };
  }

  includes(address: string): boolean {
    const number = this.#numbers && ipv4Number(address);
    if (this.#numbers && number !== undefined) return number >= this.#numbers.first && number <= this.#numbers.last;
    if (!isValid(address)) return false;
    const parsed = parse(address);
    return parsed.kind() === this.#first.kind() && parsed.match(this.#first, this.#bits);
  }

  *[Symbol.iterator](): Generator<string> {
    if (this.#numbers) {
      for (let number = this.#numbers.first; number <= this.#numbers.last; number++) yield ipv4Text(number);
      return;
    }
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

/** Of four decimal numbers with dots; undefined of anything else, which may be another way to write one. */
function ipv4Number(text: string): number | undefined {
  let [number, part, digits, dots] = [0, 0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) {
      if (digits === 0) return undefined;
      number = number * 256 + part;
      [part, digits] = [0, 0];
      dots++;
    } else {
      if (code < 48 || code > 57 || (digits === 1 && part === 0)) return undefined;
      part = part * 10 + code - 48;
      digits++;
      if (part > 255) return undefined;
    }
  }
  return dots === 3 && digits > 0 ? number * 256 + part : undefined;
}

const ipv4Text = (number: number): string =>
  `${Math.floor(number / 2 ** 24)}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;

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
