import type { HashPolicy } from "@atoll/policy";
import type { FaultView, RouteConfigView } from "./route-view.ts";
import type { Tags } from "./tags.ts";
import type { DownstreamTlsView } from "./tls-view.ts";

export interface ListenerView {
  name: string;
  address: string;
  port: number;
  protocol?: "tcp" | "udp";
  direction: "inbound" | "outbound" | "unspecified";
  statPrefix?: string;
  reusePort?: boolean;
  bindToPort?: boolean;
  originalDst?: boolean;
  tlsInspector?: boolean;
  /**
   * Finds out where a caller meant to go and then, by what it says first, whether it speaks TLS or HTTP: at some ports alone, or at all but
   * some. Who says nothing first is waited for in vain there.
   */
  inspectors?: { only: number[] } | { except: number[] };
  perConnectionBufferLimitBytes?: number;
  /** Written to listener metadata `io.kuma.tags`. */
  tags?: Tags;
  chains: FilterChainView[];
  /** Only for UDP: an Envoy DNS filter with an inline table. */
  dns?: { ttlSeconds: number; domains: { name: string; addresses: string[] }[] };
}

/** Of a connection; `port` and `prefixes` are of where the caller meant to go. */
export interface ChainMatchView {
  transportProtocol?: "raw_buffer" | "tls";
  serverNames?: string[];
  applicationProtocols?: string[];
  port?: number;
  prefixes?: { address: string; bits: number }[];
}

export interface FilterChainView {
  name?: string;
  match?: ChainMatchView;
  tls?: DownstreamTlsView;
  rbac?: RbacView;
  filter: HttpFilterView | TcpFilterView | DirectResponseView;
}

export interface HttpFilterView {
  type: "http";
  statPrefix: string;
  /** RDS name, served over ADS; or the routes themselves. */
  routes: { rds: string } | { inline: RouteConfigView };
  /** Set for gateways: the edge hardening of an Envoy that faces strangers. */
  edge?: { serverName: string };
  /** `/a/../b` is routed and forwarded as `/b`; part of the edge hardening too. */
  normalizePath?: boolean;
  /** Forward client certificate details SANITIZE_SET with URI (inbound of a mesh service). */
  forwardClientCertificate?: boolean;
  /** Appear before the router in this order: faults, rate limit, compressor, grpc stats, router. */
  faults?: FaultView[];
  /** A disabled filter that per-route configuration switches on. */
  localRateLimit?: boolean;
  /** The same for faults. */
  routeFaults?: boolean;
  compress?: boolean;
  grpcStats?: boolean;
  /** Connections above it are closed before they send anything. */
  connectionLimit?: TcpFilterView["connectionLimit"];
  idleTimeoutMs?: number;
  streamIdleTimeoutMs?: number;
  requestHeadersTimeoutMs?: number;
  /** Until the whole request has come. */
  requestTimeoutMs?: number;
  maxStreamDurationMs?: number;
  accessLogs?: AccessLogView[];
  tracing?: TracingView;
}

export interface TcpFilterView {
  type: "tcp";
  statPrefix: string;
  clusters: { name: string; weight: number; metadataMatch?: Tags }[];
  idleTimeoutMs?: number;
  maxConnectAttempts?: number;
  /** What the cluster's balancer makes its hash of, if it makes one. */
  hashPolicy?: HashPolicy;
  accessLogs?: AccessLogView[];
  /** Connections above it are closed; a bucket that is filled at once every interval. */
  connectionLimit?: { connections: number; intervalMs: number };
  /**
   * Adds Envoy's Kafka broker filter with this stat prefix before the TCP proxy. Only for an Envoy that has this contrib extension (it names
   * its extensions in its node): any other refuses the whole listener.
   */
  kafkaStatPrefix?: string;
}

/** Answers every connection with bytes and closes it. */
export interface DirectResponseView {
  type: "directResponse";
  body: string;
}

/** First network filter. ALLOW action: no policy matches = connection closed. */
export interface RbacView {
  statPrefix: string;
  /** An HTTP chain takes connections of the mesh, and answers with 403 the requests that no policy allows. */
  refuseRequests?: true;
  policies: { name: string; principals: PrincipalView[] }[];
  /** What would be denied: counted, and allowed. */
  shadowDenied?: { name: string; principals: PrincipalView[] };
}
/** Every one of `sans` must be present in the peer certificate, and none of `notSans`; without any: any peer. */
export interface PrincipalView {
  sans: string[];
  notSans?: string[];
}

export interface AccessLogView {
  /** Envoy format string, newline included. */
  format: string;
  json?: Record<string, unknown>;
  omitEmptyValues?: true;
  /** Of OpenTelemetry the cluster of the collector. */
  path: string;
  /** Records over OTLP. `body`: an OTLP value; absent = `format`. */
  openTelemetry?: { attributes: { key: string; value: string }[]; body?: unknown };
}

export interface TracingView {
  cluster: string;
  serviceName: string;
  samplingPercent: number;
  /** Absent: Envoy's default, all. */
  clientSamplingPercent?: number;
  randomSamplingPercent?: number;
  tags?: ({ name: string; literal: string } | { name: string; header: string; otherwise?: string })[];
  direction: "inbound" | "outbound";
  spawnUpstreamSpan?: boolean;
  provider:
    | {
        type: "zipkin";
        path: string;
        host: string;
        apiVersion: "httpJson" | "httpJsonV1" | "httpProto";
        traceId128bit: boolean;
        sharedSpanContext: boolean;
      }
    | { type: "datadog"; serviceName: string }
    | { type: "openTelemetry"; serviceName: string };
}
