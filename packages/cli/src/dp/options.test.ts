import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { durationS } from "./option-values.ts";
import { fillVariables, resolveDpOptions } from "./options.ts";

const folder = scratchFolder();
afterAll(() => folder[Symbol.dispose]());
const file = (name: string, text: string) => {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
};
const jwt = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.e30.c2ln`;
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
    drainTimeS: 30,
    readinessPort: 9902,
    dns: {
      ...{ enabled: true, envoyPort: 15_054, port: 15_053, prometheusPort: 19_153, logging: false },
      ...{ coreDnsBinary: undefined, corefileTemplatePath: undefined, configDir: undefined },
    },
    retry: { backoffMs: 1_000, maxDurationMs: 300_000 },
  });
});

test("every variable of kuma-dp is read, ours before theirs, and flags before both", () => {
  const env = {
    KUMA_CONTROL_PLANE_URL: "https://cp:1",
    ATOLL_CONTROL_PLANE_URL: "https://cp:2",
    KUMA_CONTROL_PLANE_CA_CERT: "pem",
    KUMA_CONTROL_PLANE_RETRY_BACKOFF: "3s",
    KUMA_CONTROL_PLANE_RETRY_MAX_DURATION: "1m",
    KUMA_DATAPLANE_NAME: "web-1",
    KUMA_DATAPLANE_MESH: "demo",
    KUMA_DATAPLANE_PROXY_TYPE: "dataplane",
    KUMA_DATAPLANE_DRAIN_TIME: "1m30s",
    KUMA_READINESS_PORT: "0",
    KUMA_DATAPLANE_RUNTIME_TOKEN: jwt,
    KUMA_DATAPLANE_RUNTIME_BINARY_PATH: "/envoy",
    KUMA_DATAPLANE_RUNTIME_CONFIG_DIR: "/config",
    KUMA_DATAPLANE_RUNTIME_SOCKET_DIR: "/sockets",
    KUMA_DATAPLANE_RUNTIME_CONCURRENCY: "2",
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
    caCertPem: "pem",
    name: "web-1",
    mesh: "demo",
    drainTimeS: 90,
    readinessPort: 0,
    token: jwt,
    envoyBinary: "/envoy",
    configDir: "/config",
    socketDir: "/sockets",
    concurrency: 2,
    dns: {
      ...{ enabled: false, envoyPort: 1_054, port: 1_053, prometheusPort: 1_153, logging: true },
      ...{ coreDnsBinary: "/coredns", corefileTemplatePath: "/Corefile", configDir: "/dns" },
    },
    retry: { backoffMs: 3_000, maxDurationMs: 60_000 },
  });
  expect(resolveDpOptions({ cpAddress: "https://cp:3", drainTime: "5s", name: "web-2" }, env)).toMatchObject({
    cpAddress: new URL("https://cp:3"),
    drainTimeS: 5,
    name: "web-2",
  });
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

  test("variables stand in two or three braces; what has no value is empty", () => {
    expect(fillVariables("{{a}} {{ b }} {{{ a }}} {{&a}} {{c}}.", ["a=1", "b=x=y"])).toBe("1 x=y 1 1 .");
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
    ["a file that is absent", { dataplaneFile: "/nowhere.yaml" }, {}, /^--dataplane-file: cannot read \/nowhere\.yaml: ENOENT/],
    ["a file that is no YAML", { dataplaneFile: file("c.yaml", "a: [") }, {}, /^--dataplane-file: not YAML: /],
    ["a file that holds no document", { dataplaneFile: file("d.yaml", "- 1") }, {}, /^--dataplane-file: holds no document/],
    [
      "a document of another kind",
      { dataplaneFile: file("e.yaml", dataplane), proxyType: "egress" },
      {},
      /^--dataplane-file: type "Dataplane" does not fit --proxy-type=egress, which wants ZoneEgress$/,
    ],
    ["a document without a name", { dataplane: "type: Dataplane" }, {}, /^--dataplane: name has to be a text/],
    [
      "a variable without a value",
      { dataplaneFile: file("f.yaml", dataplane), dataplaneVar: ["name"] },
      {},
      /^--dataplane-var: "name" is not of the form name=value$/,
    ],
    ["a token that is none", { name: "a", dataplaneToken: "x.y.z" }, {}, /^the dataplane token is not a JWT$/],
    ["a token file that is absent", { name: "a", dataplaneTokenFile: "/nowhere" }, {}, /^--dataplane-token-file: cannot read \/nowhere/],
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
