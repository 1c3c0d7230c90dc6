import { resolve } from "node:path";
import { fileFault } from "@atoll/yaml";
import { DpOptionsError } from "./dp-options-error.ts";
import { wholeNumber } from "./option-values.ts";
import { RotatingFile } from "./rotating-file.ts";

/** What this program says of its own work; Envoy writes for itself. */
export interface DpLog {
  say(message: string): void;
  /** What helps to find out why. */
  debug(message: string): void;
}

export type DpLogLevel = (typeof levels)[number];

export interface DpLogFlags {
  logLevel?: string;
  logOutputPath?: string;
  logMaxSize?: string;
  logMaxRetainedFiles?: string;
  logMaxAge?: string;
}

const levels = ["off", "info", "debug"] as const;

/** The level of `--log-level`, which Envoy's follows unless `--envoy-log-level` says otherwise. @throws DpOptionsError */
export function dpLogLevel({ logLevel = "info" }: DpLogFlags): DpLogLevel {
  if (!levels.includes(logLevel as DpLogLevel))
    throw new DpOptionsError(`--log-level: "${logLevel}" is not one of ${levels.join(", ")}; Envoy's own level is --envoy-log-level`);
  return logLevel as DpLogLevel;
}

/** Writes to standard error, or into the file of `--log-output-path`. @throws DpOptionsError */
export function openDpLog(flags: DpLogFlags, now: () => Date): DpLog {
  const level = dpLogLevel(flags);
  const write = flags.logOutputPath ? lineWriter(flags.logOutputPath, flags, now) : (line: string) => console.error(line);
  return {
    say: (message) => (level === "off" ? undefined : write(`atoll-dp: ${message}`)),
    debug: (message) => (level === "debug" ? write(`atoll-dp: ${message}`) : undefined),
  };
}

function lineWriter(given: string, flags: DpLogFlags, now: () => Date): (line: string) => void {
  const path = resolve(given);
  const rotation = {
    path,
    maxSizeBytes: wholeNumber("--log-max-size", flags.logMaxSize ?? "100") * 1024 * 1024,
    maxRetainedFiles: wholeNumber("--log-max-retained-files", flags.logMaxRetainedFiles ?? "1000"),
    maxAgeMs: wholeNumber("--log-max-age", flags.logMaxAge ?? "30") * 24 * 60 * 60_000,
  };
  let file: RotatingFile;
  try {
    file = new RotatingFile(rotation, now);
  } catch (error) {
    throw new DpOptionsError(`--log-output-path: cannot write ${path}: ${fileFault(error)}`);
  }
  console.log(`atoll-dp: logs will be stored in "${path}"`);
  return (line) => {
    try {
      file.write(`${now().toISOString()} ${line}\n`);
    } catch (error) {
      // A full disk must not take the proxy down.
      console.error(`${line}\natoll-dp: cannot write ${path}: ${fileFault(error)}`);
    }
  };
}
