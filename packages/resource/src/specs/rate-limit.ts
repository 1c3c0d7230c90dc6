import { bool, duration, kept, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

export const rateLimitSpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      http: message({
        requests: need(uint32),
        interval: need(duration),
        onRateLimit: message({
          status: kept(uint32),
          headers: list(message({ key: need(string), value: need(string), append: kept(bool) })),
        }),
      }),
    }),
  ),
});
export type RateLimitSpec = Value<typeof rateLimitSpec>;
