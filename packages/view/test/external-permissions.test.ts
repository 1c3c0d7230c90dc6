import { describe, expect, test } from "vitest";
import { buildProxyView, explainProxyView } from "../src/index.ts";
import { contextsOf } from "./world.ts";

type Document = Record<string, unknown> & { type: string };

const service = (name: string): Record<string, string> => ({ "kuma.io/service": name });
const anyService = service("*");
const external = (name: string, address: string, tags: object = {}): Document => ({
  ...{ type: "ExternalService", mesh: "default", name, networking: { address } },
  tags: { "kuma.io/service": "shop", "kuma.io/protocol": "http", ...tags },
});
const permission = (name: string, source: object, destination: object): Document => ({
  ...{ type: "TrafficPermission", mesh: "default", name },
  sources: [{ match: source }],
  destinations: [{ match: destination }],
});
const trafficRoute: Document = {
  ...{ type: "TrafficRoute", mesh: "default", name: "all", sources: [{ match: anyService }], destinations: [{ match: anyService }] },
  conf: { destination: anyService },
};
const timeout: Document = {
  ...{ type: "Timeout", mesh: "default", name: "all", sources: [{ match: anyService }], destinations: [{ match: anyService }] },
  conf: { connectTimeout: "1s" },
};
const mutualTls = { mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] } };

const proxies: Record<string, Document[]> = {
  sidecar: [
    {
      ...{ type: "Dataplane", mesh: "default", name: "caller" },
      networking: {
        address: "10.0.0.1",
        inbound: [{ port: 80, tags: service("caller") }],
        outbound: [{ port: 8080, tags: service("shop") }],
      },
    },
  ],
  "delegated gateway": [
    {
      ...{ type: "Dataplane", mesh: "default", name: "caller" },
      networking: {
        address: "10.0.0.1",
        gateway: { type: "DELEGATED", tags: service("caller") },
        outbound: [{ port: 8080, tags: service("shop") }],
      },
    },
  ],
  "builtin gateway": [
    {
      ...{ type: "Dataplane", mesh: "default", name: "caller" },
      networking: { address: "10.0.0.1", gateway: { type: "BUILTIN", tags: service("caller") } },
    },
    {
      ...{ type: "MeshGateway", mesh: "default", name: "edge", selectors: [{ match: service("caller") }] },
      conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
    },
    {
      ...{ type: "MeshGatewayRoute", mesh: "default", name: "edge", selectors: [{ match: service("caller") }] },
      conf: {
        http: {
          rules: [{ matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ destination: service("shop"), weight: 1 }] }],
        },
      },
    },
  ],
};

const targeted = (kind: string, action: string, tags: object = {}): Document => ({
  ...{ type: "MeshTrafficPermission", mesh: "default", name: "targeted" },
  spec: { targetRef: { kind: "Mesh" }, from: [{ targetRef: { kind, ...tags }, default: { action } }] },
});
const permissions: [what: string, documents: Document[], dialled: string[]][] = [
  ["without any TrafficPermission nobody", [], []],
  ["with one for other services only, nobody", [permission("other", anyService, service("bank"))], []],
  ["with one for other callers only, nobody", [permission("other", service("admin"), service("shop"))], []],
  ["with one for all, whoever asks", [permission("all", anyService, anyService)], ["10.9.0.1", "10.9.0.2"]],
  ["with one for the caller, the caller", [permission("one", service("caller"), service("shop"))], ["10.9.0.1", "10.9.0.2"]],
  [
    "with a closer one that names somebody else, only what that one is not for",
    [permission("all", anyService, anyService), permission("b", service("admin"), { ...service("shop"), tier: "b" })],
    ["10.9.0.1"],
  ],
  ["with a MeshTrafficPermission for all, whoever asks", [targeted("Mesh", "Allow")], ["10.9.0.1", "10.9.0.2"]],
  ["with a MeshTrafficPermission that denies, nobody", [targeted("Mesh", "Deny")], []],
  ["with a MeshTrafficPermission for other callers only, nobody", [targeted("MeshSubset", "Allow", { tags: service("admin") })], []],
  [
    "with a MeshTrafficPermission for the caller, the caller",
    [targeted("MeshSubset", "Allow", { tags: service("caller") })],
    ["10.9.0.1", "10.9.0.2"],
  ],
  ["with one for some of the service's addresses, those", [permission("b", anyService, { ...service("shop"), tier: "b" })], ["10.9.0.2"]],
];

const meshes: [what: string, mesh: object, others: Document[]][] = [
  ["mutual TLS", mutualTls, []],
  ["mutual TLS and a TrafficRoute", mutualTls, [trafficRoute]],
  ["mutual TLS and a Timeout", mutualTls, [timeout]],
  ["no mutual TLS", {}, []],
  ["no mutual TLS and a TrafficRoute", {}, [trafficRoute]],
];

/** One rule, whoever dials: the TrafficPermission for the ExternalService's tags names the caller, or the caller has no endpoint. */
describe.each(Object.entries(proxies))("a %s dials an ExternalService itself", (_, own) => {
  describe.each(meshes)("in a mesh with %s", (_, mesh, others) => {
    test.each(permissions)("%s", (_, granted, dialled) => {
      const services = [external("a", "10.9.0.1:80"), external("b", "10.9.0.2:80", { tier: "b" })];
      const resources = [{ type: "Mesh", name: "default", ...mesh }, ...others, ...services, ...granted, ...own];
      const contexts = contextsOf({ zone: "zone-1", resources });
      const proxy = { type: "dataplane", mesh: "default", name: "caller" } as const;
      const view = buildProxyView(contexts, proxy)!;
      const [cluster] = view.clusters.filter(({ name }) => name.startsWith("shop"));
      const { discovery } = cluster!;
      const direct = discovery.type === "eds" ? [] : discovery.endpoints.map(({ address }) => address);
      const elsewhere = view.endpoints.filter(({ name }) => name === cluster!.name).flatMap(({ endpoints }) => endpoints);
      expect({ direct, elsewhere }).toEqual({ direct: dialled, elsewhere: [] });

      const explained = explainProxyView(contexts, proxy)!.clusters.find(({ name }) => name === cluster!.name)!;
      const named = explained.policies.filter(({ type }) => type.endsWith("TrafficPermission"));
      expect(named.length > 0).toBe(granted.length > 0);
    });
  });
});
