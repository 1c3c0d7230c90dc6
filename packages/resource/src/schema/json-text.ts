import { ParseError } from "./parse-error.ts";

export type ParsedJson = { ok: true; value: unknown } | { ok: false; parseError: string };

/** Decodes JSON. What is wrong with broken JSON is said in the words that clients of Go services know. */
export function parseJson(source: string | Uint8Array): ParsedJson {
  try {
    return { ok: true, value: JSON.parse(typeof source === "string" ? source : new TextDecoder().decode(source)) as unknown };
  } catch {
    // Those services go by bytes: one beyond ASCII is shown as if it were a character.
    return { ok: false, parseError: firstFault(Buffer.from(source).toString("latin1")) };
  }
}

function firstFault(text: string): string {
  try {
    new Scanner(text).document();
  } catch (error) {
    if (error instanceof ParseError) return error.message;
    // The scanner descends by recursion.
    if (error instanceof RangeError) return "exceeded max depth";
    throw error;
  }
  return "unexpected end of JSON input";
}

const escapes: Record<string, string> = {
  "'": "\\'",
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

function shownByte(char: string): string {
  const escape = escapes[char];
  if (escape !== undefined) return escape;
  const code = char.charCodeAt(0).toString(16).padStart(2, "0");
  if (char < " " || char === "\u007f") return `\\x${code}`;
  return /[\u0080-\u00a0\u00ad]/.test(char) ? `\\u00${code}` : char;
}

/** Walks over JSON text and throws at the first character that cannot be there. */
class Scanner {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): void {
    this.space();
    this.value();
    this.space();
    if (this.at < this.text.length) throw this.unexpected("after top-level value");
  }

  private value(): void {
    const char = this.peek();
    if (char === "{") this.object();
    else if (char === "[") this.array();
    else if (char === '"') this.string();
    else if (char === "-" || /[0-9]/.test(char)) this.number();
    else if (char === "t") this.literal("true");
    else if (char === "f") this.literal("false");
    else if (char === "n") this.literal("null");
    else throw this.unexpected("looking for beginning of value");
  }

  private object(): void {
    this.at++;
    this.space();
    if (this.peek() === "}") {
      this.at++;
      return;
    }
    for (;;) {
      if (this.peek() !== '"') throw this.unexpected("looking for beginning of object key string");
      this.string();
      this.space();
      if (this.peek() !== ":") throw this.unexpected("after object key");
      this.at++;
      this.space();
      this.value();
      this.space();
      const next = this.peek();
      if (next !== "," && next !== "}") throw this.unexpected("after object key:value pair");
      this.at++;
      if (next === "}") return;
      this.space();
    }
  }

  private array(): void {
    this.at++;
    this.space();
    if (this.peek() === "]") {
      this.at++;
      return;
    }
    for (;;) {
      this.value();
      this.space();
      const next = this.peek();
      if (next !== "," && next !== "]") throw this.unexpected("after array element");
      this.at++;
      if (next === "]") return;
      this.space();
    }
  }

  private string(): void {
    this.at++;
    for (;;) {
      const char = this.peek();
      if (char === '"') break;
      if (char < " ") throw this.unexpected("in string literal");
      this.at++;
      if (char === "\\") this.escape();
    }
    this.at++;
  }

  private escape(): void {
    const char = this.next();
    if (!'"\\/bfnrtu'.includes(char)) throw this.unexpected("in string escape code");
    this.at++;
    if (char !== "u") return;
    for (let digit = 0; digit < 4; digit++) {
      if (!/[0-9a-fA-F]/.test(this.next())) throw this.unexpected("in \\u hexadecimal character escape");
      this.at++;
    }
  }

  private number(): void {
    if (this.peek() === "-") {
      this.at++;
      if (!/[0-9]/.test(this.next())) throw this.unexpected("in numeric literal");
    }
    if (this.next() === "0") this.at++;
    else this.digits("in numeric literal");
    if (this.text[this.at] === ".") {
      this.at++;
      this.digits("after decimal point in numeric literal");
    }
    if (/[eE]/.test(this.text[this.at] ?? "")) {
      this.at++;
      if (/[-+]/.test(this.next())) this.at++;
      this.digits("in exponent of numeric literal");
    }
  }

  private digits(where: string): void {
    if (!/[0-9]/.test(this.next())) throw this.unexpected(where);
    while (/[0-9]/.test(this.text[this.at] ?? "")) this.at++;
  }

  private literal(word: string): void {
    for (const expected of word) {
      if (this.next() !== expected) throw this.unexpected(`in literal ${word} (expecting '${expected}')`);
      this.at++;
    }
  }

  private space(): void {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private peek(): string {
    const char = this.text[this.at];
    if (char === undefined) throw new ParseError("unexpected end of JSON input");
    return char;
  }

  /** Inside a word, a number or an escape: the end of the text is met there as a space. */
  private next(): string {
    return this.text[this.at] ?? " ";
  }

  private unexpected(where: string): ParseError {
    return new ParseError(`invalid character '${shownByte(this.next())}' ${where}`);
  }
}
