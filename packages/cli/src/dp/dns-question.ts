const headerBytes = 12;
/** Types by which addresses are asked for: A, AAAA. */
export const addressTypes: readonly number[] = [1, 28];

/** The one question of a DNS message (RFC 1035, 4.1.2), as bytes that can be changed and put back. */
export class DnsQuestion {
  readonly type: number;
  readonly #message: Buffer;
  /** Where the type begins, behind the name. */
  readonly #nameEnd: number;

  private constructor(message: Buffer, nameEnd: number) {
    this.#message = message;
    this.#nameEnd = nameEnd;
    this.type = message.readUInt16BE(nameEnd);
  }

  /** undefined for what is no plain message with one question. */
  static of(message: Buffer): DnsQuestion | undefined {
    if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
    let at = headerBytes;
    for (;;) {
      const length = message[at];
      if (length === undefined || length > 63) return undefined;
      at += 1 + length;
      if (length === 0) break;
    }
    return message.length < at + 4 ? undefined : new DnsQuestion(message, at);
  }

  /** The message with the name in lower case, as Envoy has it in its table: names that differ in case are one name (RFC 4343). */
  inLowerCase(type = this.type): Buffer {
    const copy = Buffer.from(this.#message);
    for (let at = headerBytes; at < this.#nameEnd; at++) if (copy[at]! >= 65 && copy[at]! <= 90) copy[at]! += 32;
    copy.writeUInt16BE(type, this.#nameEnd);
    return copy;
  }

  /** An answer to it in lower case as one to the message itself: askers compare, and some mix cases to be sure of who answers. */
  answeredBy(answer: Buffer): Buffer {
    const other = DnsQuestion.of(answer);
    if (other === undefined || other.#nameEnd !== this.#nameEnd) return answer;
    this.#message.copy(answer, headerBytes, headerBytes, this.#nameEnd);
    return answer;
  }

  /** The answer that the name is there and has nothing of the type. */
  withoutData(): Buffer {
    const answer = Buffer.from(this.#message.subarray(0, this.#nameEnd + 4));
    const wantsRecursion = answer[2]! & 0x01;
    answer[2] = 0x84 | wantsRecursion;
    answer[3] = 0x80;
    for (const count of [6, 8, 10]) answer.writeUInt16BE(0, count);
    return answer;
  }
}
