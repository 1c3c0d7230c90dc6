import type { CircuitBreaking, LoadBalancer } from "@atoll/policy";
import type { Tags } from "./tags.ts";
import type { UpstreamTlsView } from "./tls-view.ts";

export type CircuitBreakerView = CircuitBreaking;

export interface ClusterView {
  name: string;
  altStatName?: string;
  discovery:
    | { type: "eds" }
    | { type: "static"; endpoints: EndpointView[] }
    | { type: "dns"; endpoints: EndpointView[]; family: "v4Only" | "auto" }
    | { type: "originalDst" };
  connectTimeoutMs: number;
  /** Explicit upstream protocol; absent for plain TCP. */
  http?: "http1" | "http2";
  /** HTTP idle timeout of pooled upstream connections. */
  idleTimeoutMs?: number;
  maxStreamDurationMs?: number;
  /** After this an upstream connection takes no new requests. */
  maxConnectionDurationMs?: number;
  perConnectionBufferLimitBytes?: number;
  tls?: UpstreamTlsView;
  /** Chosen per endpoint by its tags; first match wins. */
  tlsMatches?: { name: string; match: Tags; tls: UpstreamTlsView }[];
  /** Local address to bind upstream connections to. */
  sourceAddress?: string;
  loadBalancer?: LoadBalancerView;
  /** The weights of localities count. */
  localityWeighted?: true;
  /** Subsets by endpoint tags (envoy.lb metadata). Fallback of each selector is NO_FALLBACK, of the cluster ANY_ENDPOINT. */
  subsetKeys?: string[][];
  circuitBreaker?: CircuitBreakerView;
  healthCheck?: HealthCheckView;
  /** 0 switches panic mode off. */
  healthyPanicThresholdPercent?: number;
  failTrafficOnPanic?: boolean;
}

export type LoadBalancerView = LoadBalancer;

export interface HealthCheckView {
  timeoutMs: number;
  intervalMs: number;
  unhealthyThreshold: number;
  healthyThreshold: number;
  initialJitterMs?: number;
  intervalJitterMs?: number;
  intervalJitterPercent?: number;
  noTrafficIntervalMs?: number;
  eventLogPath?: string;
  alwaysLogFailures?: boolean;
  reuseConnection?: boolean;
  checker:
    /** `send` and `receive` are base64, as in the policy. */
    | { type: "tcp"; send?: string; receive?: string[] }
    | { type: "grpc"; serviceName?: string; authority?: string }
    | {
        type: "http";
        path: string;
        http2?: boolean;
        expectedStatuses?: number[];
        headers?: { name: string; value: string; append: boolean }[];
      };
}

/** Endpoints of one EDS cluster, in locality groups sorted by (priority, zone, subzone). */
export interface EndpointSetView {
  cluster: string;
  localities: { zone?: string; subZone?: string; weight?: number; priority: number; endpoints: EndpointView[] }[];
  /** Absent: Envoy's default, 140. */
  overprovisioningPercent?: number;
}

export interface EndpointView {
  address: string;
  port: number;
  weight?: number;
  /** Metadata under envoy.lb and envoy.transport_socket_match (tags without kuma.io/service). */
  tags?: Tags;
  /** Host header sent by health checks and auto host rewrite, when it differs from the address. */
  hostname?: string;
}
