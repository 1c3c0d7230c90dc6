const headerBytes = 12;
const types = { address: 1, alias: 5, address6: 28 } as const;

interface ResourceRecord {
  readonly type: number;
  /** Type, class, life time, length and data. */
  readonly body: Buffer;
  /** Where its data begins in the message. */
  readonly dataAt: number;
}

/**
 * The name that an answer leads to without an address for it, as labels (RFC 1035, 3.1): what a cluster's resolver says of a Service of type ExternalName
 * whose name it does not know. Undefined for any other answer.
 */
export function danglingAlias(answer: Buffer): Buffer | undefined {
  const records = answersOf(answer);
  if (records === undefined || records.some(({ type }) => type === types.address || type === types.address6)) return undefined;
  const alias = records.findLast(({ type }) => type === types.alias);
  return alias && nameAt(answer, alias.dataAt);
}

/** A question for the addresses of a name, by the type and the id of another one. */
export function questionFor(name: Buffer, { id, type }: { id: Buffer; type: number }): Buffer {
  const question = Buffer.alloc(headerBytes + name.length + 4);
  id.copy(question, 0, 0, 2);
  question[2] = 0x01;
  question.writeUInt16BE(1, 4);
  name.copy(question, headerBytes);
  question.writeUInt16BE(type, headerBytes + name.length);
  question.writeUInt16BE(1, headerBytes + name.length + 2);
  return question;
}

/** The answer with the addresses that another one has for the name that it leads to. */
export function withAddresses(answer: Buffer, name: Buffer, addresses: Buffer): Buffer {
  const records = (answersOf(addresses) ?? []).filter(({ type }) => type === types.address || type === types.address6);
  const own = Buffer.from(answer.subarray(0, endOfAnswers(answer)));
  own[3]! &= 0xf0;
  own.writeUInt16BE(own.readUInt16BE(6) + records.length, 6);
  // What follows the answers is left out.
  own.writeUInt32BE(0, 8);
  return Buffer.concat([own, ...records.flatMap(({ body }) => [name, body])]);
}

function answersOf(message: Buffer): ResourceRecord[] | undefined {
  const records: ResourceRecord[] = [];
  let at = endOfQuestions(message);
  for (let left = message.length < headerBytes ? 0 : message.readUInt16BE(6); left > 0; left -= 1) {
    const start = at === undefined ? undefined : endOfName(message, at);
    if (start === undefined || start + 10 > message.length) return undefined;
    const end = start + 10 + message.readUInt16BE(start + 8);
    if (end > message.length) return undefined;
    records.push({ type: message.readUInt16BE(start), body: message.subarray(start, end), dataAt: start + 10 });
    at = end;
  }
  return records;
}

const endOfAnswers = (message: Buffer): number => {
  const last = answersOf(message)?.at(-1);
  return last === undefined ? (endOfQuestions(message) ?? message.length) : last.dataAt + last.body.length - 10;
};

function endOfQuestions(message: Buffer): number | undefined {
  if (message.length < headerBytes) return undefined;
  let at: number | undefined = headerBytes;
  for (let left = message.readUInt16BE(4); left > 0 && at !== undefined; left -= 1) {
    const end = endOfName(message, at);
    at = end === undefined ? undefined : end + 4;
  }
  return at;
}

function endOfName(message: Buffer, start: number): number | undefined {
  for (let at = start; at < message.length;) {
    const length = message[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += 1 + length;
  }
  return undefined;
}

/** Without pointers to what stood before. */
function nameAt(message: Buffer, start: number): Buffer | undefined {
  const labels: Buffer[] = [];
  let at = start;
  // A name has 127 labels at most; pointers may make a circle.
  for (let steps = 0; steps < 255 && at < message.length; steps += 1) {
    const length = message[at]!;
    if (length === 0) return Buffer.concat([...labels, Buffer.from([0])]);
    if (length >= 0xc0) at = message.readUInt16BE(at) & 0x3fff;
    else {
      labels.push(message.subarray(at, at + 1 + length));
      at += 1 + length;
    }
  }
  return undefined;
}
