import { need, string, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { selectors } from "./common.ts";

/** `conf.backend` absent = the mesh's default backend. */
export const trafficTraceSpec = message({ selectors: need(selectors), conf: message({ backend: string }) });
export type TrafficTraceSpec = Value<typeof trafficTraceSpec>;
