import { durationMs } from "@atoll/resource";
import type { Command } from "commander";
import { CtlError } from "./ctl-error.ts";

export interface WaitFlags {
  wait?: true;
  timeout: string;
}

/** Flags of a command that changes something, to wait until Envoy has it. */
export const waitFlags = (command: Command): Command =>
  command
    .option("--wait", "until every live proxy has acknowledged the change")
    .option("--timeout <duration>", "how long to wait, such as 10s", "30s");

/** What asks the control plane to wait. */
export function waitQuery({ wait, timeout }: WaitFlags): { query: string; waitMs: number } {
  return wait
    ? { query: `?wait=applied&timeout=${encodeURIComponent(timeout)}`, waitMs: readDuration("timeout", timeout) }
    : { query: "", waitMs: 0 };
}

/** Milliseconds of a flag like 24h or 1m30s. */
export function readDuration(flag: string, text: string): number {
  try {
    return durationMs(text);
  } catch (error) {
    throw new CtlError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${(error as Error).message}`);
  }
}
