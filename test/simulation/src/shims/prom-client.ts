export * from "prom-client";

/** Those of the real process are of no interest, and watch it with timers of its own. */
export const collectDefaultMetrics = (): void => undefined;
