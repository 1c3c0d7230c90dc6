import type { Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

export const trafficPermissionSpec = message(sourcesAndDestinations);
export type TrafficPermissionSpec = Value<typeof trafficPermissionSpec>;
