// What Envoy refuses, whatever else is said, and what stands next to it and must stay possible.

export interface RefusedValues {
  what: string;
  /** Where the violation is told. */
  field: string;
  document: (value: never) => Record<string, unknown>;
  refused: unknown[];
  taken: unknown[];
}

const service = "kuma.io/service";
const everything = [{ match: { [service]: "*" } }];
const policy = (type: string, conf: unknown) => ({ type, mesh: "default", name: "p", sources: everything, destinations: everything, conf });

const backends = [{ weight: 1, destination: { [service]: "echo" } }];
const prefix = { path: { match: "PREFIX", value: "/p" } };
const gatewayRoute = (rule: object, hostnames: string[] = []) => ({
  type: "MeshGatewayRoute",
  mesh: "default",
  name: "p",
  selectors: [{ match: { [service]: "edge" } }],
  conf: { http: { hostnames, rules: [{ matches: [prefix], backends, ...rule }] } },
});
const filtered = (...filters: object[]) => gatewayRoute({ filters });
const redirected = (redirect: object) => gatewayRoute({ filters: [{ redirect: { statusCode: 302, ...redirect } }], backends: [] });

const destination = { [service]: "echo" };
const trafficRoute = (http: object) =>
  policy("TrafficRoute", { destination, http: [{ match: { path: { prefix: "/p" } }, destination, ...http }] });
const rateLimit = (http: object) => policy("RateLimit", { http: { requests: 1, interval: "1s", ...http } });
const limited = (header: object) => rateLimit({ onRateLimit: { headers: [{ key: "x", value: "y", ...header }] } });
const healthCheck = (more: object) =>
  policy("HealthCheck", { interval: "1s", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, ...more });
const checked = (header: object) =>
  healthCheck({ http: { path: "/", requestHeadersToAdd: [{ header: { key: "x", value: "y", ...header } }] } });
const breaker = (more: object) => policy("CircuitBreaker", { detectors: { totalErrors: { consecutive: 5 } }, ...more });
const ring = (sizes: object) => policy("TrafficRoute", { destination, loadBalancer: { ringHash: { hashFunction: "XX_HASH", ...sizes } } });

const regexes = {
  refused: ["(", "(?=a)", "(?<!a)", "\\1", "a{1001}", "[z-a]", "*", "\\p{Foo}", "(?P<n", "(?>a)"],
  taken: ["/a.*", "(?P<n>a)(?P<n>b)", "\\C", "(?i:a)", "\\p{Greek}+", "[[:alpha:]]"],
};
const lines = { refused: ["a\nb", "a\rb", "a\0b"], taken: ["ä", "a b", "a\tb"] };
const formats = { refused: ["a\nb", "%NOPE%", "%REQ%"], taken: ["100%", "%REQ(x-a?y)%", "%START_TIME(%Y)%", "%lower%", "50%% off"] };
const changedNames = { refused: ["host", "Host", ":path", ":method", "a\nb"], taken: ["x-a", "Content-Type", "x y"] };

export const refusedValues: RefusedValues[] = [
  {
    what: "path of a gateway's route",
    field: "conf.http.rules[0].matches[0].path.value",
    document: (value) => gatewayRoute({ matches: [{ path: { match: "REGEX", value } }] }),
    ...regexes,
  },
  {
    what: "header of a gateway's route",
    field: "conf.http.rules[0].matches[0].headers[0].value",
    document: (value) => gatewayRoute({ matches: [{ ...prefix, headers: [{ match: "REGEX", name: "x", value }] }] }),
    refused: ["(?!a)"],
    taken: ["a|b"],
  },
  {
    what: "name of a header that a gateway's route matches",
    field: "conf.http.rules[0].matches[0].headers[0].name",
    document: (name) => gatewayRoute({ matches: [{ ...prefix, headers: [{ name, value: "a" }] }] }),
    refused: ["a\nb"],
    taken: [":path", "x y"],
  },
  {
    what: "query parameter of a gateway's route",
    field: "conf.http.rules[0].matches[0].query_parameters[0].value",
    document: (value) => gatewayRoute({ matches: [{ ...prefix, queryParameters: [{ match: "REGEX", name: "x", value }] }] }),
    refused: ["["],
    taken: ["\\d+"],
  },
  {
    what: "host of a gateway's route",
    field: "conf.http.hostnames[0]",
    document: (host) => gatewayRoute({}, [host]),
    refused: ["a\nb"],
    taken: ["*.example.test", "a.test"],
  },
  {
    what: "weights of a gateway's route",
    field: "conf.http.rules[0].backends",
    document: (weight) =>
      gatewayRoute({
        backends: [
          { weight: 1, destination: { [service]: "other" } },
          { weight, destination },
        ],
      }),
    refused: [4_294_967_295],
    taken: [4_294_967_294, 0],
  },
  {
    what: "name of a request header that a gateway adds",
    field: "conf.http.rules[0].filters[0].request_header.add[0].name",
    document: (name) => filtered({ requestHeader: { add: [{ name, value: "v" }] } }),
    ...changedNames,
  },
  {
    what: "name of a request header that a gateway sets",
    field: "conf.http.rules[0].filters[0].request_header.set[0].name",
    document: (name) => filtered({ requestHeader: { set: [{ name, value: "v" }] } }),
    refused: [":path", ":method", ":scheme"],
    taken: ["host", ":authority"],
  },
  {
    what: "value of a request header that a gateway sets",
    field: "conf.http.rules[0].filters[0].request_header.set[0].value",
    document: (value) => filtered({ requestHeader: { set: [{ name: "x", value }] } }),
    ...formats,
  },
  {
    what: "request header that a gateway removes",
    field: "conf.http.rules[0].filters[0].request_header.remove[0]",
    document: (name) => filtered({ requestHeader: { remove: [name] } }),
    refused: ["host", ":authority"],
    taken: ["x-a"],
  },
  {
    what: "name of a response header that a gateway sets",
    field: "conf.http.rules[0].filters[0].response_header.set[0].name",
    document: (name) => filtered({ responseHeader: { set: [{ name, value: "v" }] } }),
    refused: [":status", "Host"],
    taken: ["server"],
  },
  {
    what: "response header that a gateway removes",
    field: "conf.http.rules[0].filters[0].response_header.remove[0]",
    document: (name) => filtered({ responseHeader: { remove: [name] } }),
    refused: [":status"],
    taken: ["server"],
  },
  {
    what: "host of a redirect",
    field: "conf.http.rules[0].filters[0].redirect.hostname",
    document: (hostname) => redirected({ hostname }),
    refused: ["a\nb"],
    taken: ["a.test", "a b"],
  },
  {
    what: "path of a redirect",
    field: "conf.http.rules[0].filters[0].redirect.path.replaceFull",
    document: (replaceFull) => redirected({ path: { replaceFull } }),
    ...lines,
  },
  {
    what: "path of a rewrite",
    field: "conf.http.rules[0].filters[0].rewrite.replaceFull",
    document: (replaceFull) => filtered({ rewrite: { replaceFull } }),
    ...lines,
  },
  {
    what: "prefix of a rewrite",
    field: "conf.http.rules[0].filters[0].rewrite.replacePrefixMatch",
    document: (replacePrefixMatch) => filtered({ rewrite: { replacePrefixMatch } }),
    refused: ["/a\nb"],
    taken: ["/a", "/"],
  },
  {
    what: "path of a TrafficRoute",
    field: "conf.http[0].match.path.regex",
    document: (regex) => trafficRoute({ match: { path: { regex } } }),
    refused: ["(", "(?=a)"],
    taken: ["/a.*"],
  },
  {
    what: "header of a TrafficRoute",
    field: 'conf.http[0].match.headers["x"].regex',
    document: (regex) => trafficRoute({ match: { headers: { x: { regex } } } }),
    refused: ["[a"],
    taken: ["a+"],
  },
  {
    what: "name of a header that a TrafficRoute matches",
    field: 'conf.http[0].match.headers["a\nb"]',
    document: (name) => trafficRoute({ match: { headers: { [name]: { exact: "a" } } } }),
    refused: ["a\nb"],
    taken: ["x y"],
  },
  {
    what: "expression of a path that a TrafficRoute rewrites",
    field: "conf.http[0].modify.path.regex.pattern",
    document: (pattern) => trafficRoute({ modify: { path: { regex: { pattern, substitution: "/" } } } }),
    refused: ["(?<=a)"],
    taken: ["^/(.*)$"],
  },
  {
    what: "substitution of a path that a TrafficRoute rewrites",
    field: "conf.http[0].modify.path.regex.substitution",
    document: (substitution) => trafficRoute({ modify: { path: { regex: { pattern: "^/(.*)$", substitution } } } }),
    refused: ["a\nb"],
    taken: ["/\\1", "\\9"],
  },
  {
    what: "prefix of a TrafficRoute's rewrite",
    field: "conf.http[0].modify.path.rewritePrefix",
    document: (rewritePrefix) => trafficRoute({ modify: { path: { rewritePrefix } } }),
    refused: ["/a\nb"],
    taken: ["/a"],
  },
  {
    what: "host of a TrafficRoute's rewrite",
    field: "conf.http[0].modify.host.value",
    document: (value) => trafficRoute({ modify: { host: { value } } }),
    refused: ["a\nb"],
    taken: ["a.test"],
  },
  {
    what: "value of a header that a TrafficRoute adds",
    field: "conf.http[0].modify.requestHeaders.add[0].value",
    document: (value) => trafficRoute({ modify: { requestHeaders: { add: [{ name: "x", value }] } } }),
    refused: ["a\nb", "%NOPE%"],
    taken: ["100%", "%PROTOCOL%"],
  },
  {
    what: "name of a header that a TrafficRoute adds",
    field: "conf.http[0].modify.responseHeaders.add[0].name",
    document: (name) => trafficRoute({ modify: { responseHeaders: { add: [{ name, value: "v" }] } } }),
    refused: ["a\nb"],
    taken: ["x y"],
  },
  {
    what: "weights of a TrafficRoute",
    field: "conf.http[0].split",
    document: (weight) =>
      trafficRoute({
        destination: undefined,
        split: [
          { weight: 1, destination: { [service]: "other" } },
          { weight, destination },
        ],
      }),
    refused: [4_294_967_295],
    taken: [4_294_967_294],
  },
  {
    what: "size of a ring",
    field: "conf.loadBalancer.ringHash.maxRingSize",
    document: (maxRingSize) => ring({ minRingSize: 10, maxRingSize }),
    refused: [5, 8_388_609],
    taken: [10, 8_388_608],
  },
  {
    what: "longest interval of a Retry",
    field: "conf.http.backOff.maxInterval",
    document: (maxInterval) => policy("Retry", { http: { numRetries: 1, backOff: { baseInterval: "1s", maxInterval } } }),
    refused: ["500ms", "0.999s"],
    taken: ["1s", "2s"],
  },
  {
    what: "interval of a RateLimit",
    field: "conf.http.interval",
    document: (interval) => rateLimit({ interval }),
    refused: ["10ms", "49ms"],
    taken: ["0.050s", "50ms"],
  },
  {
    what: "status of a RateLimit",
    field: "conf.http.onRateLimit.status",
    document: (status) => rateLimit({ onRateLimit: { status } }),
    refused: [5, 199, 430, 1000],
    taken: [200, 429, 511],
  },
  {
    what: "name of a header of a RateLimit",
    field: 'conf.http.onRateLimit.header["0"].key',
    document: (key) => limited({ key }),
    refused: ["host", ":status", "a\nb"],
    taken: ["x y"],
  },
  {
    what: "value of a header of a RateLimit",
    field: 'conf.http.onRateLimit.header["0"].value',
    document: (value) => limited({ value }),
    refused: ["a\nb", "%NOPE%"],
    taken: ["100%"],
  },
  {
    what: "path of a HealthCheck",
    field: "conf.http.path",
    document: (path) => healthCheck({ http: { path } }),
    refused: ["/a\nb"],
    taken: ["a", "/ä"],
  },
  {
    what: "name of a header of a HealthCheck",
    field: "conf.http.requestHeadersToAdd[0].header.key",
    document: (key) => checked({ key }),
    refused: [":path", "host", "a\nb"],
    taken: ["x y"],
  },
  {
    what: "value of a header of a HealthCheck",
    field: "conf.http.requestHeadersToAdd[0].header.value",
    document: (value) => checked({ value }),
    refused: ["a\nb", "%NOPE%"],
    taken: ["%HOSTNAME%"],
  },
  {
    what: "what a HealthCheck waits for",
    field: "conf.tcp.receive[0]",
    document: (receive) => healthCheck({ tcp: { receive: [receive] } }),
    refused: [""],
    taken: ["Zm9v"],
  },
  {
    what: "interval of a CircuitBreaker",
    field: "conf.interval",
    document: (interval) => breaker({ interval }),
    refused: ["0s"],
    taken: ["0.001s", "1ms"],
  },
  {
    what: "ejection time of a CircuitBreaker",
    field: "conf.baseEjectionTime",
    document: (baseEjectionTime) => breaker({ baseEjectionTime }),
    refused: ["0s"],
    taken: ["400s"],
  },
];
