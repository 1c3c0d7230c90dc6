/**
 * A document that cannot be read at all: its JSON is broken or a field has the wrong type. The text is what existing clients
 * show after `invalid <Type> object:`, so it follows the wording of Go's JSON and protobuf decoders.
 */
export class ParseError extends Error {
  override name = "ParseError";
}

/** How Go's decoder names the JSON type of a value. */
export function jsonTypeName(raw: unknown): string {
  if (raw === null || raw === undefined) return "null";
  if (Array.isArray(raw)) return "array";
  switch (typeof raw) {
    case "boolean":
      return "bool";
    case "number":
      return "number";
    case "string":
      return "string";
    default:
      return "object";
  }
}

export function wrongType(raw: unknown, goType: string): ParseError {
  return new ParseError(`json: cannot unmarshal ${jsonTypeName(raw)} into Go value of type ${goType}`);
}

/** A text in double quotes with Go's `%q` escapes: what the error body wraps around a parser's text. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const short = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r" }[char];
    if (short !== undefined) quoted += short;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, "0")}`;
    else quoted += char;
  }
  return `${quoted}"`;
}
