import { durationMs } from "@atoll/resource";
import { CtlError } from "./ctl-error.ts";

/** Flags of a command that can look at the past. */
export const revisionFlag = ["--revision <revision>", "as it was at this revision"] as const;
export const timeFlag = ["--at <time>", "as it was at this time (RFC 3339), or so long ago (10m)"] as const;

/** What asks the control plane for the past; nothing without the flags. */
export function pointQuery({ revision, at }: { revision?: string; at?: string }, now: Date): Record<string, string> {
  if (revision !== undefined && at !== undefined) throw new CtlError("--revision, --at: only one of them");
  if (revision !== undefined) return { revision };
  return at === undefined ? {} : { at: timeOf(at, now) };
}

function timeOf(text: string, now: Date): string {
  if (/^\d{4}-/.test(text)) return text;
  try {
    return new Date(now.getTime() - durationMs(text)).toISOString();
  } catch {
    throw new CtlError(
      `invalid argument ${JSON.stringify(text)} for "--at" flag: it is neither a time such as 2026-01-02T03:04:05Z nor a duration`,
    );
  }
}

export const withQuery = (path: string, parameters: Readonly<Record<string, string>>): string => {
  const query = new URLSearchParams(parameters).toString();
  return query === "" ? path : `${path}?${query}`;
};
