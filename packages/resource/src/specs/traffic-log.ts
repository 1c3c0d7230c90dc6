import { string, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

/** `conf.backend` absent = the mesh's default backend. */
export const trafficLogSpec = message({ ...sourcesAndDestinations, conf: message({ backend: string }) });
export type TrafficLogSpec = Value<typeof trafficLogSpec>;
