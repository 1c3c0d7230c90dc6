import { duration, need, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

export const timeoutSpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      connectTimeout: duration,
      tcp: message({ idleTimeout: duration }),
      http: message({ requestTimeout: duration, idleTimeout: duration, streamIdleTimeout: duration, maxStreamDuration: duration }),
      grpc: message({ streamIdleTimeout: duration, maxStreamDuration: duration }),
    }),
  ),
});
export type TimeoutSpec = Value<typeof timeoutSpec>;
