import type { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { Init } from "./init.ts";

/** A protobuf Duration, exact to the nanosecond; absent stays absent. */
export function durationOf(ms: number): Init<typeof DurationSchema>;
export function durationOf(ms: number | undefined): Init<typeof DurationSchema> | undefined;
export function durationOf(ms: number | undefined): Init<typeof DurationSchema> | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
