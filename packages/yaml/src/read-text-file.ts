import { readFileSync } from "node:fs";
import { decodeText } from "./decode-text.ts";

/** Reasons in the words that people know from their shell. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EISDIR: "is a directory",
  EACCES: "permission denied",
  EROFS: "the file system cannot be written",
  EEXIST: "is a file",
  ENOTDIR: "not a directory",
  ELOOP: "too many symbolic links",
};

/** Why a file could not be read, without Node's own wording. */
export const fileFault = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return reasons[code ?? ""] ?? message;
};

/** The same with the path, as programs of Go say it: "open a.yaml: no such file or directory". */
export const fileError = (path: string, error: unknown): string =>
  `${(error as NodeJS.ErrnoException).code === "EISDIR" ? "read" : "open"} ${path}: ${fileFault(error)}`;

/** Text of a file; "-" is standard input. UTF-16 is understood by its byte order mark. @throws as `readFileSync` does */
export const readTextFile = (path: string): string => decodeText(readFileSync(path === "-" ? 0 : path));
