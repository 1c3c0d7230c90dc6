import { enumeration, string, uint32, type Value } from "../schema/codec.ts";
import { list, map, message } from "../schema/message.ts";
import { protoName } from "./common.ts";

const proxyCounts = message({ total: uint32, online: uint32, offline: uint32, partiallyDegraded: uint32 });
export type ProxyCounts = Value<typeof proxyCounts>;
const count = message({ total: uint32 });

/** Computed, read-only. */
export const meshInsightSpec = message({
  dataplanes: proxyCounts,
  policies: map(count),
  dpVersions: message({ kumaDp: map(proxyCounts), envoy: map(proxyCounts) }),
  mTLS: message({ issuedBackends: map(proxyCounts), supportedBackends: map(proxyCounts) }),
  services: message({ total: uint32, internal: uint32, external: uint32 }),
  dataplanesByType: message({ standard: proxyCounts, gateway: proxyCounts, gatewayBuiltin: proxyCounts, gatewayDelegated: proxyCounts }),
  resources: map(count),
});
export type MeshInsightSpec = Value<typeof meshInsightSpec>;

const service = message({
  /** Absent = not_available. */
  status: enumeration(protoName("ServiceInsight.Service.Status"), ["not_available", "online", "offline", "partially_degraded"]),
  dataplanes: message({ total: uint32, online: uint32, offline: uint32 }),
  issuedBackends: map(uint32),
  /** Absent = internal. */
  serviceType: enumeration(protoName("ServiceInsight.Service.Type"), ["internal", "external", "gateway_delegated", "gateway_builtin"]),
  addressPort: string,
  zones: list(string),
});
export type ServiceInsightEntry = Value<typeof service>;

/** Computed, read-only: one per mesh, with an entry per service. */
export const serviceInsightSpec = message({ services: map(service) });
export type ServiceInsightSpec = Value<typeof serviceInsightSpec>;
