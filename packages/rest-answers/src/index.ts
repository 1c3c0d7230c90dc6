export * from "./fleet-changes.ts";
export * from "./history.ts";
export * from "./issued-tokens.ts";
export * from "./rollouts.ts";
