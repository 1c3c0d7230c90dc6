import { bool, kept, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";

/** `enabled` absent = true. */
export const zoneSpec = message({ enabled: kept(bool) });
export type ZoneSpec = Value<typeof zoneSpec>;
