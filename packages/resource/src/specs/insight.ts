import { bool, need, string, timestamp, uint32, uint64, type Value } from "../schema/codec.ts";
import { list, map, message } from "../schema/message.ts";

const responseCounts = message({ responsesSent: uint64, responsesAcknowledged: uint64, responsesRejected: uint64 });

const subscription = message({
  id: need(string),
  controlPlaneInstanceId: string,
  connectTime: timestamp,
  disconnectTime: timestamp,
  status: message({
    lastUpdateTime: timestamp,
    total: responseCounts,
    cds: responseCounts,
    eds: responseCounts,
    lds: responseCounts,
    rds: responseCounts,
  }),
  version: message({
    kumaDp: message({ version: string, gitTag: string, gitCommit: string, buildDate: string, kumaCpCompatible: bool }),
    envoy: message({ version: string, build: string, kumaDpCompatible: bool }),
    dependencies: map(string),
  }),
  generation: uint32,
});
/** One connection of a proxy to a control plane. Counters are decimal strings. */
export type DiscoverySubscription = Value<typeof subscription>;

export const dataplaneInsightSpec = message({
  subscriptions: list(subscription),
  mTLS: message({
    certificateExpirationTime: timestamp,
    lastCertificateRegeneration: timestamp,
    certificateRegenerations: uint32,
    issuedBackend: string,
    supportedBackends: list(string),
  }),
});
export type DataplaneInsightSpec = Value<typeof dataplaneInsightSpec>;

/** Insight of a zone ingress or a zone egress. */
export const zoneProxyInsightSpec = message({ subscriptions: list(subscription) });
export type ZoneIngressInsightSpec = Value<typeof zoneProxyInsightSpec>;
export type ZoneEgressInsightSpec = Value<typeof zoneProxyInsightSpec>;

const zoneSubscription = message({
  id: need(string),
  globalInstanceId: string,
  connectTime: timestamp,
  disconnectTime: timestamp,
  status: message({ lastUpdateTime: timestamp, total: responseCounts, stat: map(responseCounts) }),
  version: message({
    kumaCp: message({ version: string, gitTag: string, gitCommit: string, buildDate: string, kumaCpGlobalCompatible: bool }),
  }),
  /** The zone's settings as JSON text. */
  config: string,
  authTokenProvided: bool,
  zoneInstanceId: string,
  generation: uint32,
});
export type ZoneSubscription = Value<typeof zoneSubscription>;

export const zoneInsightSpec = message({
  subscriptions: list(zoneSubscription),
  envoyAdminStreams: message({ configDumpGlobalInstanceId: string, statsGlobalInstanceId: string, clustersGlobalInstanceId: string }),
  healthCheck: message({ time: timestamp }),
});
export type ZoneInsightSpec = Value<typeof zoneInsightSpec>;
