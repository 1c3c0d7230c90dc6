import { InputError } from "./input-error.ts";

/**
 * Values of a flag, separated by commas; one that holds a comma is put in double quotes, and a quote within doubled: the first record of
 * a CSV, as Go's flags read it. @throws InputError
 */
export function splitValues(text: string, flag: string): string[] {
  const values: string[] = [];
  const fault = (reason: string) => new InputError(`invalid argument ${JSON.stringify(text)} for "${flag}" flag: ${reason}`);
  for (let at = 0; ; at += 1) {
    if (text[at] === '"') {
      const [whole, quoted] = /^"((?:[^"]|"")*)"(?=,|\r?\n|$)/.exec(text.slice(at)) ?? [];
      if (whole === undefined) throw fault(`the value that begins at column ${at + 1} has a " that is not closed, or text after it`);
      values.push(quoted!.replaceAll('""', '"'));
      at += whole.length;
    } else {
      const [plain] = /^[^,\r\n]*/.exec(text.slice(at))!;
      if (plain.includes('"')) throw fault(`bare " at column ${at + plain.indexOf('"') + 1}: put the whole value in quotes`);
      values.push(plain);
      at += plain.length;
    }
    if (text[at] !== ",") return values;
  }
}

/**
 * `key=value` of a flag that may be repeated; a later one wins. A text with one `=` is one pair, whose value may have commas, and quotes
 * around it count for nothing; one with more is a list of pairs. @throws InputError
 */
export function keyValues(texts: readonly string[], flag: string): Record<string, string> {
  const pairs = texts.flatMap((text) => {
    const parts = text.split("=").length > 2 ? splitValues(text, flag) : [text.replaceAll(/^"+|"+$/g, "")];
    return parts.map((pair): [string, string] => {
      const at = pair.indexOf("=");
      if (at < 0)
        throw new InputError(`invalid argument ${JSON.stringify(text)} for "${flag}" flag: ${pair} must be formatted as key=value`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    });
  });
  return Object.fromEntries(pairs);
}
