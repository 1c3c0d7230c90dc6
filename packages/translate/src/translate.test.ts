import { describe, expect, test } from "vitest";
import { toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { ClusterView, EndpointSetView, ProxyModificationView, ProxyView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import { headerText } from "./header-value.ts";
import { originOf } from "./origin.ts";
import { fractionalPercent } from "./percent.ts";
import { createTranslator, translate } from "./translate.ts";
import { translateSecret } from "./secret.ts";
import { statName } from "./stat-name.ts";

const cluster: ClusterView = { name: "backend", discovery: { type: "eds" }, connectTimeoutMs: 5000 };
const endpoints: EndpointSetView = {
  cluster: "backend",
  localities: [{ zone: "east", priority: 0, endpoints: [{ address: "10.0.0.1", port: 80, tags: { b: "2", a: "1" } }] }],
};
const view: ProxyView = {
  kind: "sidecar",
  mesh: "default",
  name: "web-1",
  zone: "east",
  listeners: [
    {
      name: "inbound:127.0.0.1:80",
      address: "127.0.0.1",
      port: 80,
      direction: "inbound",
      chains: [{ filter: { type: "http", statPrefix: "a", routes: { inline: { name: "r", virtualHosts: [] } } } }],
    },
  ],
  routes: [{ name: "edge", virtualHosts: [] }],
  clusters: [cluster],
  endpoints: [endpoints],
  secrets: [],
  runtimes: [{ name: "layer", values: { key: 1 } }],
};

describe("createTranslator", () => {
  test("gives the same message for the same part of a view, also of another proxy", () => {
    const remembering = createTranslator();
    const first = remembering(view);
    const second = remembering({ ...view, name: "web-2", clusters: [{ ...cluster, name: "other" }, cluster] });
    expect(second.clusters[1]).toBe(first.clusters[0]);
    expect(second.endpoints[0]).toBe(first.endpoints[0]);
    expect(second.routes[0]).toBe(first.routes[0]);
    expect(second.listeners[0]).toBe(first.listeners[0]);
    expect(second.runtimes[0]).toBe(first.runtimes[0]);
    expect(second.clusters[0]).not.toBe(first.clusters[0]);
  });

  test("two translators agree, and share nothing", () => {
    expect(createTranslator()(view)).toEqual(translate(view));
    expect(createTranslator()(view).clusters[0]).not.toBe(createTranslator()(view).clusters[0]);
  });

  test("the order in which tags were written changes no byte", () => {
    const reordered = structuredClone(endpoints);
    reordered.localities[0]!.endpoints[0]!.tags = { a: "1", b: "2" };
    const bytes = (set: EndpointSetView) => toBinary(ClusterLoadAssignmentSchema, translate({ ...view, endpoints: [set] }).endpoints[0]!);
    expect(bytes(reordered)).toEqual(bytes(endpoints));
  });
});

describe("ProxyTemplate", () => {
  const withModification = (modification: Omit<ProxyModificationView, "index">) => ({
    ...view,
    template: { base: true, resources: [], modifications: [{ index: 0, ...modification }] },
  });

  test("leaves the shared messages as they are", () => {
    const remembering = createTranslator();
    const shared = remembering(view).clusters[0]!;
    const before = toBinary(ClusterSchema, shared);
    const patched = remembering(withModification({ target: "cluster", operation: "patch", value: { connectTimeout: "1s" } }));
    expect(patched.clusters[0]!.connectTimeout?.seconds).toBe(1n);
    expect(toBinary(ClusterSchema, shared)).toEqual(before);
    expect(remembering(view).clusters[0]).toBe(shared);
  });

  test("replaces a duration as a whole", () => {
    const made = translate(withModification({ target: "cluster", operation: "patch", value: { connectTimeout: "0.5s" } }));
    expect(made.clusters[0]!.connectTimeout).toMatchObject({ seconds: 0n, nanos: 500_000_000 });
  });

  test("leaves out fields that Envoy does not have, and reads durations as they are written elsewhere", () => {
    const value = { connectTimeout: "1m30s", fieldOfTheFuture: { a: 1 } };
    const made = translate(withModification({ target: "cluster", operation: "patch", value }));
    expect(made.clusters[0]!.connectTimeout).toMatchObject({ seconds: 90n });
  });

  test("touches only what its match names", () => {
    const match = { origin: "inbound" };
    const made = translate(withModification({ target: "cluster", operation: "remove", match }));
    expect(made.clusters).toHaveLength(1);
    expect(translate(withModification({ target: "listener", operation: "remove", match })).listeners).toHaveLength(0);
  });

  test.each<[string, Omit<ProxyModificationView, "index">, RegExp]>([
    ["a wrong type", { target: "cluster", operation: "patch", value: { name: 1 } }, /modifications\[0\]\.cluster: .*number into Go/],
    [
      "an unknown type",
      { target: "httpFilter", operation: "addFirst", value: { name: "x", typedConfig: { "@type": "type.googleapis.com/no.Such" } } },
      /no\.Such/,
    ],
    ["an operation of another target", { target: "cluster", operation: "addFirst", value: {} }, /not one of add, patch, remove/],
  ])("names %s", (_, modification, message) => {
    expect(() => translate(withModification(modification))).toThrow(message);
  });
});

test("translateSecret puts each kind of material where Envoy looks for it", () => {
  const text = (source: { specifier: { value?: unknown } } | undefined) => new TextDecoder().decode(source?.specifier.value as Uint8Array);
  const pair = translateSecret("identity", { certificateChainPem: "chain", privateKeyPem: "key" });
  if (pair.type.case !== "tlsCertificate") throw new Error(`a ${pair.type.case}`);
  expect([text(pair.type.value.certificateChain), text(pair.type.value.privateKey)]).toEqual(["chain", "key"]);
  const ca = translateSecret("ca", { caPem: "bundle" });
  if (ca.type.case !== "validationContext") throw new Error(`a ${ca.type.case}`);
  expect(text(ca.type.value.trustedCa)).toBe("bundle");
  const none = translateSecret("ca", { caPem: "" });
  expect(none.type.case === "validationContext" && none.type.value.trustedCa).toBeUndefined();
});

test.each([
  ["plain", "plain"],
  ["100%", "100%%"],
  ["5% of 10%", "5%% of 10%%"],
  ["50%%", "50%%"],
  ["%PROTOCOL%", "%PROTOCOL%"],
  ["a-%REQ(X-A?X-B):10%-b", "a-%REQ(X-A?X-B):10%-b"],
  ["%lower%", "%%lower%%"],
  ["%REQ(x", "%%REQ(x"],
])("headerText(%j) is %j", (value, expected) => {
  expect(headerText(value)).toBe(expected);
});

test.each([
  [0, 0, 0],
  [50, 50, 0],
  [12.5, 1250, 1],
  [0.001, 10, 2],
  [33.3333, 333_333, 2],
  [250, 100, 0],
  [-1, 0, 0],
])("fractionalPercent(%d) is %d over denominator %d", (percent, numerator, denominator) => {
  expect(fractionalPercent(percent)).toEqual({ numerator, denominator });
});

test("durationOf keeps fractions of a millisecond", () => {
  expect(durationOf(1500.25)).toEqual({ seconds: 1n, nanos: 500_250_000 });
  expect(durationOf(0)).toEqual({ seconds: 0n, nanos: 0 });
  expect(durationOf(undefined)).toBeUndefined();
});

test("statName keeps letters, digits, dash and underscore", () => {
  expect(statName("inbound:10.0.0.1:80/ä_b-c")).toBe("inbound_10_0_0_1_80___b-c");
});

test.each([
  ["sidecar", "localhost:80", "inbound"],
  ["sidecar", "backend", "outbound"],
  ["sidecar", "outbound:passthrough:ipv4", "transparent"],
  ["gateway", "backend-1234", "gateway"],
  ["ingress", "inbound:10.0.0.1:10001", "ingress"],
  ["egress", "kuma:envoy:admin", "admin"],
] as const)("originOf(%s, %s) is %s", (kind, name, origin) => {
  expect(originOf(kind, name)).toBe(origin);
});
