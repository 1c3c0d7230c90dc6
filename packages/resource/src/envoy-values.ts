import { createRequire } from "node:module";
import type * as re2Module from "re2js";

let loaded: typeof re2Module | undefined;

/** Loaded when the first regular expression is looked at: most processes never see one. */
const re2 = (): typeof re2Module => (loaded ??= createRequire(import.meta.url)("re2js") as typeof re2Module);

/** Of these RE2 itself, as Envoy has it, makes something. */
const takenByEnvoy = /duplicate capture group name|invalid escape sequence: `\\C`|expression nests too deeply/;

/** Why Envoy cannot use a regular expression; undefined if it can. https://github.com/google/re2/wiki/Syntax */
export function regexFault(regex: string): string | undefined {
  const { RE2JS, RE2JSException } = re2();
  try {
    RE2JS.compile(regex);
    return undefined;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const { message } = error;
    return takenByEnvoy.test(message) ? undefined : message.replace(/^error parsing regexp: /, "is no regular expression: ");
  }
}

/** Why Envoy takes no header of this name; undefined if it does. */
export function headerNameFault(name: string): string | undefined {
  if (name === "") return "cannot be empty";
  if (Buffer.byteLength(name) > 16_384) return "must be at most 16384 bytes";
  return lineFault(name);
}

/** Why Envoy does not set, add or remove a header of this name on its way. */
export function changedHeaderFault(name: string): string | undefined {
  if (name.startsWith(":") || name.toLowerCase() === "host") return "host header and HTTP/2 pseudo-headers are not allowed to be modified";
  return headerNameFault(name);
}

/** Why Envoy takes no header with this value, or no path or host that is sent as one. */
export function headerTextFault(value: string): string | undefined {
  if (Buffer.byteLength(value) > 16_384) return "must be at most 16384 bytes";
  return lineFault(value);
}

const lineFault = (text: string): string | undefined =>
  ["\0", "\n", "\r"].some((character) => text.includes(character)) ? "must not contain a line break or NUL" : undefined;
