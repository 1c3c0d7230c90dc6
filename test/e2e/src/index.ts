export { describeFailures, Load } from "./load.ts";
export type { LoadedRequest, LoadReport } from "./load.ts";
export { envoyPidOf, envoyStats, isRunning, killProxy, sumOf } from "./envoy.ts";
export { jsonHeaders, rest } from "./rest.ts";
export type { RestAnswer, RestCall } from "./rest.ts";
export { stackKind, TestStack } from "./test-stack.ts";
export type { ReplicaState, TestStackOptions } from "./test-stack.ts";
