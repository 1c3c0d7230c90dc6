import { bool, bytes, duration, float, kept, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

export const healthCheckSpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      interval: need(duration),
      timeout: need(duration),
      unhealthyThreshold: need(uint32),
      healthyThreshold: need(uint32),
      initialJitter: duration,
      intervalJitter: duration,
      intervalJitterPercent: uint32,
      healthyPanicThreshold: kept(float),
      failTrafficOnPanic: kept(bool),
      eventLogPath: string,
      alwaysLogHealthCheckFailures: kept(bool),
      noTrafficInterval: duration,
      /** Base64. */
      tcp: message({ send: kept(bytes), receive: list(kept(bytes)) }),
      http: message({
        path: need(string),
        requestHeadersToAdd: list(message({ header: need(message({ key: need(string), value: string })), append: kept(bool) })),
        expectedStatuses: list(kept(uint32)),
      }),
      /** Absent = true. */
      reuseConnection: kept(bool),
    }),
  ),
});
export type HealthCheckSpec = Value<typeof healthCheckSpec>;
