import { durationMs } from "@atoll/resource";

/** Milliseconds of a duration in Go's notation, or undefined where it is absent. */
export const milliseconds = (text: string | undefined): number | undefined => (text === undefined ? undefined : durationMs(text));
