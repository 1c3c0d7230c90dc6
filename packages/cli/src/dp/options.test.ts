import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder, selfSignedPair } from "@atoll/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { durationS } from "./option-values.ts";
import { resolveDpOptions } from "./options.ts";

const folder = scratchFolder();
afterAll(() => folder[Symbol.dispose]());
const file = (name: string, text: string) => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};
const jwt = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.e30.c2ln`;
const pair = selfSignedPair();
const pem = pair.certificatePem;
const certPath = file("m.crt", pem);
const keyPath = file("m.key", pair.privateKeyPem);
const dataplane =
  "type: Dataplane\nmesh: demo\nname: '{{ name }}'\nnetworking: { address: 10.0.0.1, inbound: [{ port: 80, tags: { kuma.io/service: web } }] }\n";

test("what is asked for by default", () => {
  expect(resolveDpOptions({ name: "web-1" }, {})).toEqual({
    cpAddress: new URL("https://localhost:5678"),
    caCertPem: undefined,
    proxyType: "dataplane",
    mesh: "default",
    name: "web-1",
    resource: undefined,
    token: "",
    tokenPath: "",
    envoyBinary: "envoy",
    configDir: undefined,
    socketDir: undefined,
    concurrency: undefined,
    envoyLogLevel: "info",
    envoyComponentLogLevel: "",
    drainTimeS: 30,
    readinessPort: 9902,
    probeProxyPort: 0,
    metrics: { certPath: "", keyPath: "" },
    maxMemoryBytes: 0,
    systemCaPath: "",
    ipv6: false,
    dns: {
      ...{ enabled: true, envoyPort: 15_054, port: 15_053, prometheusPort: 19_153, logging: false },
      ...{ coreDnsBinary: undefined, corefileTemplatePath: undefined, configDir: undefined },
    },
    retry: { backoffMs: 1_000, maxDurationMs: 300_000 },
    notices: [],
  });
});

test("a sidecar goes by the names of its pod, and what injection says of CoreDNS asks for none", () => {
  const pod = { POD_NAME: "web-1", POD_NAMESPACE: "demo", KUMA_DNS_CORE_DNS_BINARY_PATH: "coredns" };
  const { name, dns } = resolveDpOptions({}, pod);
  expect([name, dns.coreDnsBinary]).toEqual(["web-1.demo", undefined]);
  expect(resolveDpOptions({ name: "own" }, pod).name).toBe("own");
  expect(() => resolveDpOptions({}, { POD_NAME: "web-1" })).toThrow("--name is required");
});

test("every variable of kuma-dp is read, ours before theirs, and both before flags", () => {
  const env = {
    KUMA_CONTROL_PLANE_URL: "https://cp:1",
    ATOLL_CONTROL_PLANE_URL: "https://cp:2",
    KUMA_CONTROL_PLANE_CA_CERT: pem,
    KUMA_CONTROL_PLANE_RETRY_BACKOFF: "3s",
    KUMA_CONTROL_PLANE_RETRY_MAX_DURATION: "1m",
    KUMA_DATAPLANE_NAME: "web-1",
    KUMA_DATAPLANE_MESH: "demo",
    KUMA_DATAPLANE_PROXY_TYPE: "dataplane",
    KUMA_DATAPLANE_DRAIN_TIME: "1m30s",
    KUMA_READINESS_PORT: "0",
    KUMA_APPLICATION_PROBE_PROXY_PORT: "9001",
    KUMA_DATAPLANE_RUNTIME_TOKEN: jwt,
    KUMA_DATAPLANE_RUNTIME_BINARY_PATH: "/envoy",
    KUMA_DATAPLANE_RUNTIME_CONFIG_DIR: "/config",
    KUMA_DATAPLANE_RUNTIME_SOCKET_DIR: "/sockets",
    KUMA_DATAPLANE_RUNTIME_CONCURRENCY: "2",
    KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL: "error",
    KUMA_DATAPLANE_RUNTIME_ENVOY_COMPONENT_LOG_LEVEL: "http:debug",
    KUMA_DATAPLANE_RUNTIME_METRICS_CERT_PATH: certPath,
    KUMA_DATAPLANE_RUNTIME_METRICS_KEY_PATH: keyPath,
    KUMA_DATAPLANE_RESOURCES_MAX_MEMORY_BYTES: "1000",
    KUMA_DNS_ENABLED: "false",
    KUMA_DNS_ENVOY_DNS_PORT: "1054",
    KUMA_DNS_CORE_DNS_PORT: "1053",
    KUMA_DNS_CORE_DNS_BINARY_PATH: "/coredns",
    KUMA_DNS_CORE_DNS_CONFIG_TEMPLATE_PATH: "/Corefile",
    KUMA_DNS_CONFIG_DIR: "/dns",
    KUMA_DNS_PROMETHEUS_PORT: "1153",
    KUMA_DNS_ENABLE_LOGGING: "true",
  };
  expect(resolveDpOptions({}, env)).toMatchObject({
    cpAddress: new URL("https://cp:2"),
    caCertPem: pem,
    name: "web-1",
    mesh: "demo",
    drainTimeS: 90,
    readinessPort: 0,
    probeProxyPort: 9001,
    token: jwt,
    envoyBinary: "/envoy",
    configDir: "/config",
    socketDir: "/sockets",
    concurrency: 2,
    envoyLogLevel: "error",
    envoyComponentLogLevel: "http:debug",
    metrics: { certPath, keyPath },
    maxMemoryBytes: 1_000,
    dns: {
      ...{ enabled: false, envoyPort: 1_054, port: 1_053, prometheusPort: 1_153, logging: true },
      ...{ coreDnsBinary: "/coredns", corefileTemplatePath: "/Corefile", configDir: "/dns" },
    },
    retry: { backoffMs: 3_000, maxDurationMs: 60_000 },
  });
  expect(resolveDpOptions({ cpAddress: "https://cp:3", drainTime: "90s", envoyLogLevel: "off" }, env)).toMatchObject({
    cpAddress: new URL("https://cp:2"),
    envoyLogLevel: "error",
    notices: [
      "--envoy-log-level has no effect: the variable KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL is set and wins",
      "--cp-address has no effect: the variable ATOLL_CONTROL_PLANE_URL is set and wins",
      "--drain-time has no effect: the variable KUMA_DATAPLANE_DRAIN_TIME is set and wins",
    ],
  });
  expect(resolveDpOptions({ name: "web-2" }, { KUMA_DATAPLANE_NAME: "" }).name).toBe("web-2");
});

describe("the resource to register", () => {
  test("is the file's document with its variables filled in and Go's zero times", () => {
    const { mesh, name, resource } = resolveDpOptions({ dataplaneFile: file("a.yaml", dataplane), dataplaneVar: ["name=web-1"] }, {});
    expect([mesh, name]).toEqual(["demo", "web-1"]);
    expect(JSON.parse(resource!.json)).toEqual({
      type: "Dataplane",
      mesh: "demo",
      name: "web-1",
      creationTime: "0001-01-01T00:00:00Z",
      modificationTime: "0001-01-01T00:00:00Z",
      networking: { address: "10.0.0.1", inbound: [{ port: 80, tags: { "kuma.io/service": "web" } }] },
    });
  });

  test("may come from a variable, and a zone proxy is in no mesh", () => {
    const text = "type: ZoneIngress\nmesh: ignored\nname: in-1\nnetworking: { address: 10.0.0.1, port: 10001 }";
    const { mesh, name, resource } = resolveDpOptions({ proxyType: "ingress" }, { KUMA_DATAPLANE_RUNTIME_RESOURCE: text });
    expect([mesh, name, Object.keys(JSON.parse(resource!.json) as object)]).toEqual([
      "",
      "in-1",
      ["type", "name", "creationTime", "modificationTime", "networking"],
    ]);
  });

  test("values with commas and quotes are taken apart as kuma-dp takes them", () => {
    const text = `${dataplane}x: "{{ s }}"\n`;
    const { resource } = resolveDpOptions({ dataplaneFile: file("v.yaml", text), dataplaneVar: ['name=web-1,"s=a,b"'] }, {});
    expect(JSON.parse(resource!.json)).toMatchObject({ name: "web-1", x: "a,b" });
  });

  test("is YAML as Kuma reads it; of several documents the first counts", () => {
    const text = `x: &base { kuma.io/service: web, version: "1" }\n${dataplane.replace("{ kuma.io/service: web }", "{ <<: *base, n: y }").replace("port: 80", "port: 0120")}`;
    const more = `${text.replace("n: y", "team: a")}---\ntype: Dataplane\n`;
    const { resource, notices } = resolveDpOptions({ dataplaneFile: file("y.yaml", more), dataplaneVar: ["name=w"] }, {});
    expect(JSON.parse(resource!.json)).toMatchObject({
      networking: { inbound: [{ port: 80, tags: { "kuma.io/service": "web", version: "1", team: "a" } }] },
    });
    expect(notices).toEqual([expect.stringMatching(/y\.yaml holds 2 documents: only the first one counts$/)]);
    expect(() => resolveDpOptions({ dataplaneFile: file("z.yaml", text), dataplaneVar: ["name=w"] }, {})).toThrow(/z\.yaml: .*bool/);
  });
});

describe("what is wrong is named", () => {
  const refusals: [string, Parameters<typeof resolveDpOptions>[0], NodeJS.ProcessEnv, RegExp][] = [
    ["no name", {}, {}, /^--name is required unless --dataplane-file is given$/],
    ["a kind of proxy", { proxyType: "router" }, {}, /^--proxy-type: "router" is not one of/],
    [
      "a name beside a file",
      { name: "a", dataplaneFile: file("b.yaml", dataplane), dataplaneVar: ["name=b"] },
      {},
      /^--name and --mesh cannot be given together/,
    ],
    [
      "a file that is absent",
      { dataplaneFile: "/nowhere.yaml" },
      {},
      /^--dataplane-file: cannot read \/nowhere\.yaml: no such file or directory$/,
    ],
    ["a file that is no YAML", { dataplaneFile: file("c.yaml", "a: [") }, {}, /^--dataplane-file: .*c\.yaml: not YAML: line 1, column 5: /],
    ["a file that holds no document", { dataplaneFile: file("d.yaml", "- 1") }, {}, /^--dataplane-file: .*d\.yaml holds no document/],
    [
      "a document of another kind",
      { dataplaneFile: file("e.yaml", dataplane), proxyType: "egress" },
      {},
      /^--dataplane-file: .*e\.yaml: type "Dataplane" does not fit --proxy-type=egress, which wants ZoneEgress$/,
    ],
    ["a document without a name", { dataplane: "type: Dataplane" }, {}, /^--dataplane: name has to be a text/],
    [
      "a variable without a value",
      { dataplaneFile: file("f.yaml", dataplane), dataplaneVar: ["name"] },
      {},
      /^invalid argument "name" for "-v, --dataplane-var" flag: name must be formatted as key=value$/,
    ],
    ["a token that is none", { name: "a", dataplaneToken: "x.y.z" }, {}, /^--dataplane-token: it holds no token: a JWT/],
    [
      "a token file that is absent",
      { name: "a", dataplaneTokenFile: "/nowhere" },
      {},
      /^--dataplane-token-file: cannot read \/nowhere: no such file or directory$/,
    ],
    ...(
      [
        ["an empty token file", "", "is empty"],
        ["a blank token file", " \n\n", "is empty"],
        ["a token in quotes", `"${jwt}"`, "has quotes around the token"],
        ["a torn token", jwt.replace(".", ".\n"), "has a line break within the token"],
        ["a header for a token", `Bearer ${jwt}`, 'has "Bearer" before the token'],
        ["a file that holds no token", "hello", "holds no token"],
      ] as const
    ).map(([what, text, reason]): (typeof refusals)[number] => [
      what,
      { name: "a", dataplaneTokenFile: file(`${what.replaceAll(" ", "-")}`, text) },
      {},
      new RegExp(`^--dataplane-token-file: .*/${what.replaceAll(" ", "-")} ${reason}`),
    ]),
    [
      "a folder for a token",
      { name: "a", dataplaneTokenFile: folder.path },
      {},
      /^--dataplane-token-file: cannot read .*: is a directory$/,
    ],
    ["an empty CA file", { name: "a", caCertFile: file("empty.crt", "\n") }, {}, /^--ca-cert-file: .*empty\.crt is empty$/],
    ["a CA file without one", { name: "a", caCertFile: file("key.crt", "-----BEGIN KEY-----") }, {}, /key\.crt holds no certificate: PEM/],
    [
      "a damaged certificate",
      { name: "a", caCertFile: file("bad.crt", pem.replace(/M/, "")) },
      {},
      /bad\.crt: certificate 1 of 1 is damaged$/,
    ],
    ["an empty dataplane file", { dataplaneFile: file("e0.yaml", "# nothing\n") }, {}, /^--dataplane-file: .*e0\.yaml is empty$/],
    [
      "a template that goes wrong",
      { dataplaneFile: file("t.yaml", `${dataplane}{{#x}}`) },
      {},
      /^--dataplane-file: .*t\.yaml: the template, line 5: \{\{#x\}\}: is never closed/,
    ],
    [
      "a dataplane that is none",
      { dataplane: "type: Dataplane\nname: a\nnetworking: { address: 10.0.0.1 }" },
      {},
      /^--dataplane:\n {2}networking: has to contain at least one inbound interface or gateway/,
    ],
    [
      "a level of Envoy's for ours",
      { name: "a", logLevel: "warning" },
      {},
      /^--log-level: "warning" is not one of off, info, debug; Envoy's/,
    ],
    ["a level that Envoy does not know", { name: "a", envoyLogLevel: "loud" }, {}, /^--envoy-log-level: "loud" is not one of trace, /],
    [
      "a certificate without its key",
      { name: "a", metricsCertPath: certPath },
      {},
      /^--metrics-cert-path and --metrics-key-path need each other$/,
    ],
    [
      "a key that is none",
      { name: "a", metricsCertPath: certPath, metricsKeyPath: certPath },
      {},
      /^--metrics-key-path: .*m\.crt holds no private key in PEM$/,
    ],
    [
      "the key of another certificate",
      { name: "a", metricsCertPath: certPath, metricsKeyPath: file("n.key", selfSignedPair().privateKeyPem) },
      {},
      /^--metrics-key-path: .*n\.key is not the key of the certificate$/,
    ],
    ["a port", { name: "a", dnsCorednsPort: "70000" }, {}, /^--dns-coredns-port: "70000" is not a whole number from 0 to 65535$/],
    ["an address", { name: "a", cpAddress: "localhost:5678" }, {}, /^--cp-address: "localhost:5678" has to start with https/],
    ["a number of threads", { name: "a", concurrency: "two" }, {}, /^--concurrency: "two" is not a whole number$/],
    ["a duration", { name: "a" }, { KUMA_DATAPLANE_DRAIN_TIME: "30" }, /^--drain-time: "30" is not a duration such as 30s$/],
  ];
  test.each(refusals)("%s", (_what, flags, env, message) => {
    expect(() => resolveDpOptions(flags, env)).toThrow(message);
  });

  test("and never the token", () => {
    expect(() => resolveDpOptions({ name: "a", dataplaneToken: "secret" }, {})).toThrow(/^(?!.*secret)/);
  });
});

test("durations", () => {
  expect(["30s", "1m30s", "500ms", "1h", "1.5s"].map((text) => durationS("x", text))).toEqual([30, 90, 0.5, 3_600, 1.5]);
});
