type Document = Record<string, unknown>;

const mesh = { kind: "Mesh" };
const sidecars = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const edge = { kind: "MeshGateway", name: "edge" };
const web = { kind: "MeshService", name: "web" };
const header = { name: "x-a", value: "b" };
const changes = { set: [header], add: [{ ...header, name: "x-c" }], remove: ["x-b"] };

const policy = (type: string, spec: Document): Document => ({ type, mesh: "default", name: "nasty", spec });
const to = (conf: Document, targetRef: Document = mesh): Document => ({ targetRef, to: [{ targetRef: mesh, default: conf }] });
const rules = (conf: Document): Document => ({ targetRef: mesh, rules: [{ default: conf }] });
const whole = (conf: Document): Document => ({ targetRef: mesh, default: conf });

const timeouts = {
  ...{ connectionTimeout: "5s", idleTimeout: "1h" },
  http: {
    ...{ requestTimeout: "15s", streamIdleTimeout: "30m", maxStreamDuration: "1h", maxConnectionDuration: "1h" },
    requestHeadersTimeout: "5s",
  },
};
const backOff = { baseInterval: "20ms", maxInterval: "1s" };
const detectors = {
  ...{ totalFailures: { consecutive: 50 }, gatewayFailures: { consecutive: 50 }, localOriginFailures: { consecutive: 50 } },
  successRate: { minimumHosts: 5, requestVolume: 100, standardDeviationFactor: "1.9" },
  failurePercentage: { minimumHosts: 5, requestVolume: 100, threshold: 85 },
};
const breakers = {
  connectionLimits: { maxConnections: 100, maxConnectionPools: 10, maxPendingRequests: 100, maxRetries: 100, maxRequests: 100 },
  outlierDetection: {
    ...{ interval: "1s", baseEjectionTime: "1s", maxEjectionPercent: 50, splitExternalAndLocalErrors: true },
    ...{ healthyPanicThreshold: "10.5", detectors },
  },
};
const format = { type: "Plain", plain: "%START_TIME% %KUMA_MESH%" };
const logs = {
  backends: [
    { type: "File", file: { path: "/tmp/nasty.log", format } },
    { type: "Tcp", tcp: { address: "127.0.0.1:1", format: { type: "Json", json: [{ key: "a", value: "%START_TIME%" }] } } },
    { type: "OpenTelemetry", openTelemetry: { endpoint: "127.0.0.1:1", attributes: [{ key: "a", value: "%PROTOCOL%" }] } },
  ],
};
const limits = {
  local: {
    http: { requestRate: { num: 1_000_000, interval: "1s" }, onRateLimit: { status: 429, headers: changes } },
    tcp: { connectionRate: { num: 1_000_000, interval: "1s" } },
  },
};
const faults = {
  http: [
    {
      abort: { httpStatus: 503, percentage: 0 },
      delay: { value: "1ms", percentage: "0" },
      responseBandwidth: { limit: "50 Mbps", percentage: 0 },
    },
  ],
};
const hashPolicies = [
  { type: "Header", header: { name: "x-h" }, terminal: true },
  { type: "Cookie", cookie: { name: "c", ttl: "5s", path: "/a" } },
  { type: "QueryParameter", queryParameter: { name: "q" } },
  { type: "FilterState", filterState: { key: "k" } },
];
const filter = { name: "envoy.filters.http.lua", typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" } };
const routeRules = [
  {
    matches: [
      {
        ...{ path: { type: "PathPrefix", value: "/nasty" }, method: "GET" },
        headers: [{ type: "RegularExpression", name: "x-h", value: "a.*" }],
        queryParams: [{ type: "RegularExpression", name: "q", value: "a.*" }],
      },
    ],
    default: {
      filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: changes },
        { type: "URLRewrite", urlRewrite: { hostname: "a.test", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/b" } } },
        { type: "RequestMirror", requestMirror: { percentage: "10.5", backendRef: web } },
      ],
      backendRefs: [{ ...web, weight: 1 }],
    },
  },
  {
    matches: [{ path: { type: "RegularExpression", value: "/nasty.*" } }],
    default: {
      filters: [
        {
          type: "RequestRedirect",
          requestRedirect: {
            ...{ scheme: "https", hostname: "a.test", port: 443, statusCode: 302 },
            path: { type: "ReplaceFullPath", replaceFullPath: "/c" },
          },
        },
      ],
    },
  },
];
const tls = {
  ...{ enabled: true, allowRenegotiation: true, version: { min: "TLS12", max: "TLS13" } },
  verification: {
    ...{ mode: "Secured", serverName: "a.test", subjectAltNames: [{ type: "Exact", value: "a.test" }] },
    caCert: { inlineString: "x" },
  },
};

/**
 * A valid document of each kind of policy with a targetRef and of each service that is a resource, with nearly every field. They act on all
 * proxies of mesh `default`, on a service `web` and a gateway `edge`, and do nothing bad as they are.
 */
export const fullDocuments: readonly Document[] = [
  policy("MeshTrafficPermission", {
    targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "nobody" } },
    from: [{ targetRef: { kind: "MeshSubset", tags: { team: "red" } }, default: { action: "AllowWithShadowDeny" } }],
  }),
  policy("MeshTimeout", to(timeouts)),
  policy("MeshTimeout", rules(timeouts)),
  policy(
    "MeshRetry",
    to({
      tcp: { maxConnectAttempt: 2 },
      http: {
        ...{ numRetries: 2, perTryTimeout: "1s", backOff, retryOn: ["5xx", "503", "HttpMethodGet"] },
        rateLimitedBackOff: { maxInterval: "1s", resetHeaders: [{ name: "x-reset", format: "Seconds" }] },
        retriableRequestHeaders: [{ type: "Exact", ...header }],
        retriableResponseHeaders: [{ type: "RegularExpression", name: "x-r", value: "a.*" }],
        hostSelection: [
          { predicate: "OmitHostsWithTags", tags: { a: "b" } },
          { predicate: "OmitPreviousPriorities", updateFrequency: 2 },
        ],
        hostSelectionMaxAttempts: 3,
      },
      grpc: { numRetries: 2, perTryTimeout: "1s", backOff, retryOn: ["Canceled"] },
    }),
  ),
  policy("MeshCircuitBreaker", to(breakers)),
  policy("MeshCircuitBreaker", rules(breakers)),
  policy("MeshAccessLog", to(logs)),
  policy(
    "MeshHealthCheck",
    to({
      ...{ interval: "10s", timeout: "2s", unhealthyThreshold: 3, healthyThreshold: 1, initialJitter: "1s", intervalJitter: "1s" },
      ...{ intervalJitterPercent: 10, healthyPanicThreshold: "50", eventLogPath: "/tmp/events.log", noTrafficInterval: "1s" },
      http: { path: "/", requestHeadersToAdd: { set: [header], add: [header] }, expectedStatuses: [200] },
      tcp: { send: "Zm9v", receive: ["YmFy"] },
      grpc: { serviceName: "s", authority: "a" },
    }),
  ),
  policy("MeshRateLimit", { targetRef: sidecars, from: [{ targetRef: mesh, default: limits }] }),
  policy("MeshRateLimit", to(limits, edge)),
  policy("MeshFaultInjection", { targetRef: sidecars, from: [{ targetRef: mesh, default: faults }] }),
  policy("MeshFaultInjection", to(faults, edge)),
  policy("MeshLoadBalancingStrategy", {
    targetRef: mesh,
    to: [
      {
        targetRef: web,
        default: {
          loadBalancer: { type: "RingHash", ringHash: { hashFunction: "XXHash", minRingSize: 64, maxRingSize: 1024, hashPolicies } },
          localityAwareness: {
            localZone: { affinityTags: [{ key: "k8s.io/node", weight: 9 }] },
            crossZone: {
              failover: [{ from: { zones: ["east"] }, to: { type: "Only", zones: ["west"] } }],
              failoverThreshold: { percentage: "70" },
            },
          },
        },
      },
    ],
  }),
  policy(
    "MeshLoadBalancingStrategy",
    to({ loadBalancer: { type: "LeastRequest", leastRequest: { choiceCount: 2, activeRequestBias: "1.3" } } }),
  ),
  policy("MeshLoadBalancingStrategy", to({ loadBalancer: { type: "Maglev", maglev: { tableSize: 1009, hashPolicies } } })),
  policy(
    "MeshMetric",
    whole({
      sidecar: { profiles: { appendProfiles: [{ name: "Basic" }], include: [{ type: "Regex", match: "a.*" }] }, includeUnused: true },
      applications: [{ name: "a", path: "/m", address: "127.0.0.1", port: 1 }],
      backends: [
        { type: "Prometheus", prometheus: { clientId: "c", port: 1, path: "/m", tls: { mode: "Disabled" } } },
        { type: "OpenTelemetry", openTelemetry: { endpoint: "127.0.0.1:1", refreshInterval: "60s" } },
      ],
    }),
  ),
  policy(
    "MeshTrace",
    whole({
      backends: [{ type: "Zipkin", zipkin: { url: "http://127.0.0.1:1/api/v2/spans", apiVersion: "httpJson" } }],
      sampling: { overall: 10, client: "10.5", random: 10 },
      tags: [
        { name: "a", literal: "b" },
        { name: "c", header: { name: "x-c", default: "d" } },
      ],
    }),
  ),
  policy("MeshTrace", whole({ backends: [{ type: "Datadog", datadog: { url: "http://127.0.0.1:1", splitService: true } }] })),
  policy("MeshPassthrough", {
    targetRef: mesh,
    default: {
      passthroughMode: "Matched",
      appendMatch: [
        { type: "Domain", value: "*.a.test", port: 443, protocol: "tls" },
        { type: "CIDR", value: "10.9.0.0/16", port: 80, protocol: "tcp" },
        { type: "Domain", value: "a.test", port: 81, protocol: "http" },
      ],
    },
  }),
  policy("MeshTLS", rules({ mode: "Strict", tlsVersion: { min: "TLS12", max: "TLS13" }, tlsCiphers: ["ECDHE-RSA-AES256-GCM-SHA384"] })),
  policy("MeshProxyPatch", {
    targetRef: mesh,
    default: {
      appendModifications: [
        { cluster: { operation: "Patch", match: { name: "nobody", origin: "outbound" }, value: "connectTimeout: 5s" } },
        { listener: { operation: "Patch", match: { tags: { a: "b" } }, jsonPatches: [{ op: "replace", path: "/name", value: "n" }] } },
        { httpFilter: { operation: "AddBefore", match: { name: "nobody", listenerName: "n" }, value: JSON.stringify(filter) } },
        { networkFilter: { operation: "Remove", match: { name: "nobody", listenerTags: { a: "b" } } } },
        { virtualHost: { operation: "Patch", match: { routeConfigurationName: "n" }, value: "retryPolicy: {numRetries: 1}" } },
      ],
    },
  }),
  policy("MeshHTTPRoute", { targetRef: sidecars, to: [{ targetRef: web, rules: routeRules }] }),
  policy("MeshHTTPRoute", { targetRef: edge, to: [{ targetRef: mesh, hostnames: ["nasty.test"], rules: routeRules }] }),
  policy("MeshTCPRoute", {
    targetRef: { kind: "Dataplane", labels: { a: "b" } },
    to: [
      { targetRef: web, rules: [{ default: { backendRefs: [{ kind: "MeshServiceSubset", name: "web", tags: { v: "1" }, weight: 1 }] } }] },
    ],
  }),
  {
    ...policy("MeshExternalService", {
      match: { type: "HostnameGenerator", port: 80, protocol: "http" },
      endpoints: [{ address: "a.test", port: 443 }],
      tls,
    }),
  },
  policy("MeshMultiZoneService", {
    selector: { meshService: { matchLabels: { "kuma.io/display-name": "web" } } },
    ports: [{ name: "p", port: 80, appProtocol: "http" }],
  }),
  {
    type: "HostnameGenerator",
    name: "nasty",
    spec: { selector: { meshMultiZoneService: { matchLabels: { a: "b" } } }, template: '{{ .DisplayName }}.{{ label "a" }}.nasty' },
  },
];

/** A zone's own, and so not among those that a global takes. */
export const fullMeshService: Document = policy("MeshService", {
  selector: { dataplaneTags: { "kuma.io/service": "web" } },
  ports: [{ name: "p", port: 80, targetPort: "main", appProtocol: "http" }],
  identities: [{ type: "ServiceTag", value: "web" }],
});
