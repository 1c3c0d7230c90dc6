/** Milliseconds of the machine's monotonic clock, comparable with the timelines of the services. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
