/**
 * ProxyView: what one proxy must do, as plain JSON. The `view` package builds it from resources, the `translate` package
 * turns it into Envoy resources. It holds no secret material: certificates are named, and resolved when Envoy's secrets are made.
 *
 * Lists are sorted by the builder, so that equal intent is equal JSON. Times are milliseconds. Fields that are absent take
 * Envoy's default. Objects may be shared between the views of several proxies (a cluster, an endpoint set): never mutate one.
 */
export type ProxyKind = "sidecar" | "gateway" | "ingress" | "egress";

export interface ProxyView {
  kind: ProxyKind;
  /** "" for zone proxies, which serve every mesh. */
  mesh: string;
  name: string;
  zone: string;
  listeners: ListenerView[];
  routes: RouteConfigView[];
  clusters: ClusterView[];
  endpoints: EndpointSetView[];
  secrets: SecretView[];
  /** RTDS layers by name, as Envoy runtime values. */
  runtimes: { name: string; values: Record<string, number | string | boolean> }[];
  /** The ProxyTemplate chosen for this proxy, applied last, to the Envoy resources. */
  template?: ProxyTemplateView;
  /** What was asked for and left out, because Envoy could not do it; everything else of the view stands. */
  problems?: ViewProblem[];
}

export interface ViewProblem {
  /** `Type/mesh/name` of the resource at fault. */
  resource: string;
  reason: string;
}

/** A ProxyTemplate with its YAML texts parsed: `resource` and `value` are Envoy's own JSON. */
export interface ProxyTemplateView {
  /** False without `imports`: the proxy gets `resources` and nothing that would be made for it. */
  base: boolean;
  /** Whole Envoy resources with their `@type`. One of the same name replaces a made one. */
  resources: { name: string; resource: unknown }[];
  modifications: ProxyModificationView[];
}

export interface ProxyModificationView {
  target: "cluster" | "listener" | "networkFilter" | "httpFilter" | "virtualHost";
  operation: "add" | "patch" | "remove" | "addFirst" | "addLast" | "addBefore" | "addAfter";
  /** Every field that is present must agree; absent = all. */
  match?: {
    /** "inbound", "outbound", "transparent", "prometheus", "admin", "ingress", "egress", "gateway", "dns", "probe", "tracing", "direct-access". */
    origin?: string;
    name?: string;
    /** Tags in the metadata of a listener. */
    tags?: Tags;
    listenerName?: string;
    listenerTags?: Tags;
    routeConfigurationName?: string;
  };
  value?: unknown;
}

export type Tags = Record<string, string>;

// ---------------------------------------------------------------- listeners

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
  perConnectionBufferLimitBytes?: number;
  /** Written to listener metadata `io.kuma.tags`. */
  tags?: Tags;
  chains: FilterChainView[];
  /** Only for UDP: an Envoy DNS filter with an inline table. */
  dns?: { ttlSeconds: number; domains: { name: string; addresses: string[] }[] };
}

export interface FilterChainView {
  name?: string;
  match?: { transportProtocol?: "raw_buffer" | "tls"; serverNames?: string[]; applicationProtocols?: string[] };
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
  idleTimeoutMs?: number;
  streamIdleTimeoutMs?: number;
  requestHeadersTimeoutMs?: number;
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
  accessLogs?: AccessLogView[];
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
  /** Nobody is allowed, and an HTTP chain says so: it takes connections of the mesh and answers 403. */
  refuseRequests?: true;
  policies: { name: string; principals: PrincipalView[] }[];
}
/** Every SAN must be present in the peer certificate (AND); an empty list is any peer. */
export interface PrincipalView {
  sans: string[];
}

export interface AccessLogView {
  /** Envoy format string, newline included. */
  format: string;
  json?: Record<string, unknown>;
  path: string;
}

export interface TracingView {
  cluster: string;
  serviceName: string;
  samplingPercent: number;
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

// ---------------------------------------------------------------- routes

export interface RouteConfigView {
  name: string;
  virtualHosts: VirtualHostView[];
  requestHeadersToRemove?: string[];
  ignorePortInHostMatching?: boolean;
}

export interface VirtualHostView {
  name: string;
  domains: string[];
  requireTls?: boolean;
  responseHeadersToSet?: HeaderValue[];
  retry?: RetryView;
  routes: RouteView[];
}

export interface HeaderValue {
  name: string;
  value: string;
}

export interface RouteView {
  /** For humans and for explain: the resource and rule this came from. */
  name?: string;
  match: RouteMatchView;
  action:
    | ({
        type: "forward";
        clusters: WeightedClusterView[];
        mirrors?: { cluster: string; percent: number }[];
        hashPolicy?: unknown;
      } & RouteRewriteView)
    | {
        type: "redirect";
        scheme?: string;
        host?: string;
        port?: number;
        statusCode: 301 | 302 | 303 | 307 | 308;
        stripQuery?: boolean;
        path?: RouteRewriteView["path"];
      }
    | { type: "directResponse"; status: number; body: string };
  requestHeaders?: HeaderOpsView;
  responseHeaders?: HeaderOpsView;
  timeoutMs?: number;
  idleTimeoutMs?: number;
  maxStreamDurationMs?: number;
  retry?: RetryView;
  rateLimit?: RateLimitView;
  /** In place of those of the listener; needs its `routeFaults`. */
  fault?: FaultView;
  /** Answer 500 instead of 503 when the cluster is unknown. */
  clusterNotFound500?: boolean;
}

export interface RouteMatchView {
  path: { exact: string } | { prefix: string } | { regex: string };
  headers?: HeaderMatchView[];
  query?: { name: string; exact?: string; regex?: string }[];
}

export interface HeaderMatchView {
  name: string;
  exact?: string;
  prefix?: string;
  regex?: string;
  present?: boolean;
  invert?: boolean;
}

export interface RouteRewriteView {
  path?: { prefix: string } | { regex: string; substitution: string } | { full: string };
  hostLiteral?: string;
  hostFromPath?: { regex: string; substitution: string };
  /** Rewrite the host to the upstream's host name. */
  autoHost?: boolean;
}

export interface WeightedClusterView {
  name: string;
  weight: number;
  requestHeadersToAdd?: HeaderValue[];
  metadataMatch?: Tags;
}

/** `set` overwrites, `add` appends, as Envoy's OVERWRITE_IF_EXISTS_OR_ADD and APPEND_IF_EXISTS_OR_ADD. */
export interface HeaderOpsView {
  set?: HeaderValue[];
  add?: HeaderValue[];
  remove?: string[];
}

export interface RetryView {
  /** Envoy's comma-separated retry_on. */
  retryOn: string;
  numRetries?: number;
  perTryTimeoutMs?: number;
  backOff?: { baseIntervalMs: number; maxIntervalMs?: number };
  retriableStatusCodes?: number[];
  retriableMethods?: string[];
}

export interface RateLimitView {
  requests: number;
  intervalMs: number;
  status?: number;
  headers?: { name: string; value: string; append: boolean }[];
}

export interface FaultView {
  /** Regex on header x-kuma-tags; absent = every request. */
  sourceTagsRegex?: string;
  delay?: { percent: number; ms: number };
  abort?: { percent: number; httpStatus: number };
  /** Response rate limit in KiB per second. */
  responseBandwidth?: { percent: number; kbps: number };
}

// ---------------------------------------------------------------- clusters and endpoints

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
  perConnectionBufferLimitBytes?: number;
  tls?: UpstreamTlsView;
  /** Chosen per endpoint by its tags; first match wins. */
  tlsMatches?: { name: string; match: Tags; tls: UpstreamTlsView }[];
  /** Local address to bind upstream connections to. */
  sourceAddress?: string;
  loadBalancer?: LoadBalancerView;
  /** Subsets by endpoint tags (envoy.lb metadata). Fallback of each selector is NO_FALLBACK, of the cluster ANY_ENDPOINT. */
  subsetKeys?: string[][];
  circuitBreaker?: CircuitBreakerView;
  healthCheck?: HealthCheckView;
  /** 0 switches panic mode off. */
  healthyPanicThresholdPercent?: number;
  failTrafficOnPanic?: boolean;
}

export type LoadBalancerView =
  | { type: "roundRobin" }
  | { type: "leastRequest"; choiceCount?: number }
  | { type: "ringHash"; hashFunction: "XX_HASH" | "MURMUR_HASH_2"; minRingSize?: number; maxRingSize?: number }
  | { type: "random" }
  | { type: "maglev" };

export interface CircuitBreakerView {
  thresholds?: { maxConnections?: number; maxPendingRequests?: number; maxRetries?: number; maxRequests?: number };
  outlier?: {
    intervalMs?: number;
    baseEjectionTimeMs?: number;
    maxEjectionPercent?: number;
    splitExternalAndLocalErrors?: boolean;
    totalErrors?: { consecutive?: number };
    gatewayErrors?: { consecutive?: number };
    localErrors?: { consecutive?: number };
    standardDeviation?: { requestVolume?: number; minimumHosts?: number; factor?: number };
    failure?: { requestVolume?: number; minimumHosts?: number; threshold?: number };
  };
}

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
    | {
        type: "http";
        path: string;
        http2?: boolean;
        expectedStatuses?: number[];
        headers?: { name: string; value: string; append: boolean }[];
      };
}

/** Endpoints of one EDS cluster, in locality groups sorted by (priority, zone). */
export interface EndpointSetView {
  cluster: string;
  localities: { zone?: string; priority: number; endpoints: EndpointView[] }[];
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

// ---------------------------------------------------------------- TLS

/** Client side of mesh mutual TLS, or TLS origination towards an external service. */
export interface UpstreamTlsView {
  /** SDS name of the client certificate. */
  certificate?: string;
  /** Inline client certificate by reference: names a SecretView. */
  clientCertificate?: string;
  /** SDS name of the CA to verify the server with; absent = the server is not verified. */
  ca?: string;
  sans?: SanMatchView[];
  alpn?: string[];
  sni?: string;
  allowRenegotiation?: boolean;
}

export interface DownstreamTlsView {
  /** SDS names of server certificates. */
  certificates: string[];
  /** Present = the client must show a certificate signed by this CA (SDS name). */
  ca?: string;
  sans?: SanMatchView[];
  alpn?: string[];
  minVersion?: "TLSv1_2";
}

export interface SanMatchView {
  type: "uri" | "dns" | "ip";
  exact?: string;
  prefix?: string;
}

/** A secret that Envoy asks for by name over SDS. Says where its material comes from; never holds it. */
export interface SecretView {
  name: string;
  source:
    | { type: "identity"; mesh: string; services: string[]; tags: [string, string][] }
    | { type: "meshCa"; mesh: string }
    | { type: "allMeshCas"; ownMesh: string }
    /** A PEM bundle with one private key and its chain. */
    | { type: "bundle"; mesh: string; data: DataSourceView }
    /** A certificate and its key in two data sources. */
    | { type: "keyPair"; mesh: string; certificate: DataSourceView; key: DataSourceView }
    | { type: "ca"; mesh: string; data: DataSourceView }
    /** What an Envoy's admin listener shows to the control plane, and whom it lets in: the same in all of a zone. */
    | { type: "adminServer" }
    | { type: "adminClients" };
}

export type DataSourceView = { secret: string } | { inline: string } | { inlineString: string } | { file: string };
