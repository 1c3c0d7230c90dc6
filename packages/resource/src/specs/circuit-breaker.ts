import { bool, double, duration, kept, need, uint32, type Value } from "../schema/codec.ts";
import { message } from "../schema/message.ts";
import { sourcesAndDestinations } from "./common.ts";

const consecutive = message({ consecutive: kept(uint32) });

export const circuitBreakerSpec = message({
  ...sourcesAndDestinations,
  conf: need(
    message({
      interval: duration,
      baseEjectionTime: duration,
      maxEjectionPercent: kept(uint32),
      splitExternalAndLocalErrors: bool,
      detectors: message({
        totalErrors: consecutive,
        gatewayErrors: consecutive,
        localErrors: consecutive,
        standardDeviation: message({ requestVolume: kept(uint32), minimumHosts: kept(uint32), factor: kept(double) }),
        failure: message({ requestVolume: kept(uint32), minimumHosts: kept(uint32), threshold: kept(uint32) }),
      }),
      thresholds: message({
        maxConnections: kept(uint32),
        maxPendingRequests: kept(uint32),
        maxRetries: kept(uint32),
        maxRequests: kept(uint32),
      }),
    }),
  ),
});
export type CircuitBreakerSpec = Value<typeof circuitBreakerSpec>;
