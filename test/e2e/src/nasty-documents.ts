import { fullDocuments } from "@atoll/testkit/full-documents";
import { nastyVariants, type NastyVariant } from "@atoll/testkit/nasty-values";

type Document = Record<string, unknown>;

export interface NastyKind {
  type: string;
  good: Document;
  /** Good documents with one field made nasty. */
  variants: () => Iterable<NastyVariant>;
}

const everything = [{ match: { "kuma.io/service": "*" } }];
const web = { "kuma.io/service": "web" };
const header = { name: "x-a", value: "b" };

/** Good documents whose every field is then tried. They act on the client, on web and on the gateway. */
function goodDocuments(): Document[] {
  const policy = (type: string, conf: Document): Document => ({
    ...{ type, mesh: "default", name: "nasty" },
    ...{ sources: everything, destinations: everything, conf },
  });
  const rule = (more: Document) => ({
    matches: [
      {
        path: { match: "PREFIX", value: "/nasty" },
        method: "GET",
        headers: [{ match: "REGEX", name: "x-h", value: "a.*" }],
        queryParameters: [{ match: "REGEX", name: "q", value: "a.*" }],
      },
    ],
    backends: [{ weight: 1, destination: web }],
    ...more,
  });
  const changes = { set: [header], add: [header], remove: ["x-b"] };
  const headerChanges = { add: [{ ...header, append: true }], remove: [{ name: "x-c" }] };
  return [
    {
      type: "MeshGatewayRoute",
      mesh: "default",
      name: "nasty",
      selectors: [{ match: { "kuma.io/service": "edge" } }],
      conf: {
        http: {
          hostnames: ["nasty.test"],
          rules: [
            rule({
              filters: [
                { requestHeader: changes },
                { responseHeader: changes },
                { rewrite: { replacePrefixMatch: "/b" } },
                { mirror: { backend: { weight: 1, destination: web }, percentage: 10 } },
              ],
            }),
            rule({
              filters: [{ redirect: { scheme: "https", hostname: "a.test", port: 443, statusCode: 302, path: { replaceFull: "/c" } } }],
              backends: [],
            }),
          ],
        },
      },
    },
    policy("TrafficRoute", {
      loadBalancer: { ringHash: { hashFunction: "XX_HASH", minRingSize: 64, maxRingSize: 1024 } },
      destination: web,
      http: [
        {
          match: { method: { exact: "GET" }, path: { regex: "/nasty.*" }, headers: { "x-a": { prefix: "a" } } },
          modify: {
            path: { regex: { pattern: "^/nasty(.*)$", substitution: "\\1" } },
            host: { fromPath: { pattern: "^/(.*)$", substitution: "\\1" } },
            requestHeaders: headerChanges,
            responseHeaders: headerChanges,
          },
          split: [{ weight: 1, destination: web }],
        },
      ],
    }),
    policy("Retry", {
      http: {
        numRetries: 2,
        perTryTimeout: "1s",
        backOff: { baseInterval: "20ms", maxInterval: "1s" },
        retriableStatusCodes: [503],
        retriableMethods: ["GET"],
        retryOn: ["retriable_status_codes"],
      },
      tcp: { maxConnectAttempts: 2 },
      grpc: { retryOn: ["cancelled"], numRetries: 2, perTryTimeout: "1s", backOff: { baseInterval: "20ms", maxInterval: "1s" } },
    }),
    policy("RateLimit", {
      http: {
        ...{ requests: 1_000_000, interval: "1s" },
        onRateLimit: { status: 429, headers: [{ key: "x-limited", value: "yes", append: true }] },
      },
    }),
    policy("HealthCheck", {
      ...{ interval: "10s", timeout: "2s", unhealthyThreshold: 3, healthyThreshold: 1, initialJitter: "1s", intervalJitter: "1s" },
      ...{ intervalJitterPercent: 10, healthyPanicThreshold: 50, eventLogPath: "/tmp/events.log", noTrafficInterval: "1s" },
      http: { path: "/", requestHeadersToAdd: [{ header: { key: "x-a", value: "b" }, append: true }], expectedStatuses: [200] },
    }),
    policy("CircuitBreaker", {
      ...{ interval: "1s", baseEjectionTime: "1s", maxEjectionPercent: 50, splitExternalAndLocalErrors: true },
      thresholds: { maxConnections: 100, maxPendingRequests: 100, maxRetries: 100, maxRequests: 100 },
      detectors: {
        ...{ totalErrors: { consecutive: 50 }, gatewayErrors: { consecutive: 50 }, localErrors: { consecutive: 50 } },
        standardDeviation: { requestVolume: 100, minimumHosts: 5, factor: 1.9 },
        failure: { requestVolume: 100, minimumHosts: 5, threshold: 85 },
      },
    }),
    {
      ...policy("FaultInjection", {
        delay: { percentage: 0, value: "1ms" },
        abort: { percentage: 0, httpStatus: 503 },
        responseBandwidth: { percentage: 0, limit: "50mbps" },
      }),
      destinations: [{ match: { ...web, "kuma.io/protocol": "http" } }],
    },
    policy("Timeout", {
      connectTimeout: "5s",
      tcp: { idleTimeout: "1h" },
      http: { requestTimeout: "15s", idleTimeout: "1h", streamIdleTimeout: "30m", maxStreamDuration: "1h" },
      grpc: { streamIdleTimeout: "5m", maxStreamDuration: "30m" },
    }),
    policy("TrafficLog", { backend: "file" }),
    {
      type: "TrafficTrace",
      mesh: "default",
      name: "nasty",
      selectors: everything,
      conf: { backend: "zipkin" },
    },
    {
      type: "MeshGateway",
      mesh: "default",
      name: "nasty",
      selectors: [{ match: { "kuma.io/service": "edge-other" } }],
      tags: { a: "b" },
      conf: { listeners: [{ port: 1, protocol: "HTTP", hostname: "a.test", tags: { c: "d" }, resources: { connectionLimit: 5 } }] },
    },
    {
      type: "ExternalService",
      mesh: "default",
      name: "nasty",
      tags: { "kuma.io/service": "outside", "kuma.io/protocol": "http" },
      networking: { address: "127.0.0.1:1", tls: { enabled: true, allowRenegotiation: true, serverName: "a.test" } },
    },
    {
      type: "VirtualOutbound",
      mesh: "default",
      name: "nasty",
      selectors: everything,
      conf: { host: "{{.svc}}.nasty", port: "80", parameters: [{ name: "svc", tagKey: "kuma.io/service" }] },
    },
    {
      type: "Mesh",
      name: "default",
      mtls: { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] },
      logging: {
        defaultBackend: "file",
        backends: [
          { name: "file", type: "file", format: "%START_TIME% %KUMA_MESH%", conf: { path: "/tmp/nasty.log" } },
          { name: "tcp", type: "tcp", format: "%START_TIME%", conf: { address: "127.0.0.1:1" } },
        ],
      },
      tracing: {
        defaultBackend: "zipkin",
        backends: [
          { name: "zipkin", type: "zipkin", sampling: 10, conf: { url: "http://127.0.0.1:1/api/v2/spans", apiVersion: "httpJson" } },
        ],
      },
      metrics: { enabledBackend: "p", backends: [{ name: "p", type: "prometheus", conf: { port: 1, path: "/m", tags: { a: "b" } } }] },
    },
  ];
}

/** Each kind that people write, with its strings and numbers made nasty one by one. */
export function nastyDocuments({ share, only }: { share: number; only: string | undefined }): NastyKind[] {
  const kind = (document: Document, every: number): NastyKind => ({
    ...{ type: String(document["type"]), good: document },
    variants: () => nastyVariants(document, share, every),
  });
  // Each field of policies with a targetRef is tried in packages/compiler/test/nasty-policies.test.ts: here are some, unless one asks for more.
  const some = only === undefined ? 10 : 1;
  // A MeshHTTPRoute for the gateway silences the gateway's other routes, by which the test sees that it takes changes.
  const targeted = fullDocuments.filter(({ type, spec }) => {
    const { targetRef } = spec as { targetRef?: { kind: string } };
    return type !== "MeshHTTPRoute" || targetRef?.kind !== "MeshGateway";
  });
  return [...goodDocuments().map((one) => kind(one, 1)), ...targeted.map((one) => kind(one, some))].filter(
    ({ type }) => only === undefined || only === "all" || only === type,
  );
}
