/**
 * Just enough of DER (X.690) to put a certificate together: what is told apart by type comes from a library, already encoded, and what
 * is the same in all certificates of a CA is encoded once.
 */
const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return Buffer.concat([Buffer.from([tag]), lengthOf(length), ...contents]);
}

export const sequence = (...contents: readonly Uint8Array[]): Buffer => der(tags.sequence, ...contents);
export const octetString = (content: Uint8Array): Buffer => der(tags.octetString, content);
export const bitString = (content: Uint8Array): Buffer => der(tags.bitString, Buffer.of(0), content);
/** `[number]`, around what it holds. */
export const explicit = (number: number, content: Uint8Array): Buffer => der(0xa0 + number, content);
/** Big-endian; the first bit is the sign. */
export const integer = (bytes: Uint8Array): Buffer => der(tags.integer, bytes);
/** The content of an object identifier, encoded. */
export const oid = (...encoded: readonly number[]): Buffer => der(tags.oid, Buffer.from(encoded));

/** Whole seconds; in the form that RFC 5280 (4.1.2.5) asks for in that year. */
export function time(at: Date): Buffer {
  const text = at.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  const isShort = at.getUTCFullYear() >= 1950 && at.getUTCFullYear() < 2050;
  return der(isShort ? tags.utcTime : tags.generalizedTime, Buffer.from(isShort ? text.slice(2) : text, "latin1"));
}

/** The content of the value's n-th part. @throws RangeError if it has none. */
export function partOf(value: Uint8Array, index: number): Uint8Array {
  let at = headerOf(value, 0).contentAt;
  for (let number = 0; at < value.length; number++) {
    const { contentAt, end } = headerOf(value, at);
    if (number === index) return value.subarray(contentAt, end);
    at = end;
  }
  throw new RangeError(`there is no part ${index}`);
}

function headerOf(value: Uint8Array, at: number): { contentAt: number; end: number } {
  const first = value[at + 1]!;
  if (first < 0x80) return { contentAt: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  const length = value.subarray(at + 2, at + 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return { contentAt: at + 2 + count, end: at + 2 + count + length };
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}
