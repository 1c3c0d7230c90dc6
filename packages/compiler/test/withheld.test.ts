import { fromBinary, toJson } from "@bufbuild/protobuf";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { MemoryInventory } from "@atoll/inventory";
import type { ResourceDraft } from "@atoll/resource";
import { SnapshotCache, type EncodedResource } from "@atoll/xds";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Compiler, SecretMaterials, type WithheldPart } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

// What comes through every check at the door takes nothing else down: the smallest part is left out, and the resource at fault named.

const service = "kuma.io/service";
const everything = [{ match: { [service]: "*" } }];
const backends = [{ weight: 1, destination: { [service]: "echo" } }];
const rule = (path: object, filters: object[] = []) => ({ matches: [{ path }], filters, backends });
const prefix = (value: string) => ({ match: "PREFIX", value });
/** Taken as it is, as from a log that an older version wrote. */
const draft = (type: string, name: string, spec: object): ResourceDraft => ({ type, mesh: "default", name, spec });
const route = (name: string, rules: object[], hostnames: string[] = []) =>
  draft("MeshGatewayRoute", name, { selectors: [{ match: { [service]: "edge" } }], conf: { http: { hostnames, rules } } });

let config: FakeState;
let zone: FakeState;
let cache: SnapshotCache;
let compiler: Compiler;
let withheld: Map<string, readonly WithheldPart[]>;
let errors: string[];

beforeEach(async () => {
  [config, zone, cache, withheld, errors] = [new FakeState(), new FakeState(), new SnapshotCache(), new Map(), []];
  config.put({ type: "Mesh", name: "default" });
  config.put({
    type: "MeshGateway",
    mesh: "default",
    name: "edge",
    selectors: [{ match: { [service]: "edge" } }],
    conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
  });
  config.putDrafts(route("good", [rule(prefix("/good"))]));
  const inbound = [{ port: 9000, tags: { [service]: "echo", "kuma.io/protocol": "http" } }];
  const outbound = [{ port: 10_001, tags: { [service]: "echo" } }];
  zone.put(
    {
      type: "Dataplane",
      mesh: "default",
      name: "edge-1",
      networking: { address: "127.0.0.1", gateway: { type: "BUILTIN", tags: { [service]: "edge" } } },
    },
    { type: "Dataplane", mesh: "default", name: "echo-1", networking: { address: "127.0.0.1", inbound, outbound } },
  );
  const onError = (error: unknown) => void errors.push((error as Error).message);
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError });
  compiler = new Compiler({
    ...{ zone: "zone-1", config, zoneResources: zone, inventory: new MemoryInventory(), materials, cache, onError },
    viewOptions: { parseYaml: (text) => JSON.parse(text) as unknown },
    onWithheld: (nodeId, parts) => withheld.set(nodeId, parts),
  });
  for (const name of ["edge-1", "echo-1"]) compiler.connect(`default.${name}`, { type: "dataplane", mesh: "default", name });
  await compiler.settled();
});

afterEach(() => {
  compiler.close();
  expect(errors).toEqual([]);
});

const put = async (...drafts: ResourceDraft[]) => {
  config.putDrafts(...drafts);
  await compiler.settled();
};
const resource = (nodeId: string, type: string, name: string): EncodedResource =>
  [...cache.get(nodeId)!.resources].find(([url]) => url.endsWith(`.${type}`))![1].get(name)!;
const text = (nodeId: string, type: string, name: string) => Buffer.from(resource(nodeId, type, name).bytes).toString("latin1");
const said = (nodeId: string) =>
  (withheld.get(nodeId) ?? []).map(({ kind, reason, from }) => [kind, reason, ...from.map(({ type, name }) => `${type}/${name}`)]);
const routesOf = () => {
  const message = fromBinary(RouteConfigurationSchema, resource("default.edge-1", "RouteConfiguration", "edge:HTTP:8080:*").bytes);
  const { virtualHosts } = toJson(RouteConfigurationSchema, message) as {
    virtualHosts: { domains: string[]; routes: { match: Record<string, unknown>; directResponse?: { status: number } }[] }[];
  };
  return virtualHosts;
};
const paths = () =>
  routesOf().flatMap(({ routes }) =>
    routes.map(({ match }) =>
      Object.values(match)
        .map((one) => (typeof one === "string" ? one : ""))
        .join(""),
    ),
  );

describe("a gateway", () => {
  test("goes without a route whose expression is none, and all others change", async () => {
    await put(route("bad", [rule({ match: "REGEX", value: "(?=a)" }), rule(prefix("/beside"))]), route("later", [rule(prefix("/later"))]));
    expect(paths()).toEqual(expect.arrayContaining(["/good", "/beside", "/later"]));
    expect(said("default.edge-1")).toEqual([["route", expect.stringContaining("(?="), "MeshGatewayRoute/bad"]]);
    await put(route("bad", [rule({ match: "REGEX", value: "/a.*" })]));
    expect(said("default.edge-1")).toEqual([]);
  });

  test("answers 500 where a route says what cannot be done: its requests are not for the route after it", async () => {
    const bad = rule(prefix("/bad"), [{ requestHeader: { set: [{ name: ":path", value: "x" }] } }]);
    await put(route("bad", [bad]));
    const found = routesOf().flatMap(({ routes }) => routes.filter(({ match }) => match["prefix"] === "/bad/" || match["path"] === "/bad"));
    expect(found.map(({ directResponse }) => directResponse?.status)).toEqual([500, 500]);
    expect(paths()).toEqual(expect.arrayContaining(["/good"]));
    expect(said("default.edge-1")[0]).toEqual(["action", expect.stringContaining("pseudo-headers"), "MeshGatewayRoute/bad"]);
  });

  test("loses the effect of a policy alone", async () => {
    const limits = { requests: 1, interval: "1s", onRateLimit: { status: 5 } };
    const retry = { numRetries: 1, backOff: { baseInterval: "2s", maxInterval: "1s" } };
    await put(
      draft("RateLimit", "limits", { sources: everything, destinations: everything, conf: { http: limits } }),
      draft("Retry", "often", { sources: everything, destinations: everything, conf: { http: retry } }),
    );
    expect(paths()).toEqual(expect.arrayContaining(["/good"]));
    const faults = new Set(said("default.edge-1").map(([kind, , ...from]) => [kind, ...from].join(" ")));
    expect(faults).toEqual(new Set(["rateLimit RateLimit/limits", "retry Retry/often"]));
  });

  test("has one host for names that differ in their case alone", async () => {
    await put(route("one", [rule(prefix("/one"))], ["Shop.test"]), route("two", [rule(prefix("/two"))], ["shop.test"]));
    expect(routesOf().flatMap(({ domains }) => domains)).toEqual(["shop.test", "*"]);
    expect(paths()).toEqual(expect.arrayContaining(["/one", "/two"]));
    expect(said("default.edge-1")).toEqual([]);
  });

  test("goes without a host that cannot be", async () => {
    await put(route("bad", [rule(prefix("/"))], ["a\nb"]), route("other", [rule(prefix("/other"))], ["other.test"]));
    expect(routesOf().map(({ domains }) => domains)).toEqual(expect.arrayContaining([["*"], ["other.test"]]));
    expect(said("default.edge-1")).toEqual([["virtualHost", expect.stringContaining("Domains"), expect.anything()]]);
  });

  test("is told with a thousand bad routes in no more work than it has elements", async () => {
    const rules = Array.from({ length: 1_000 }, (_, index) => rule({ match: "REGEX", value: `(${index}` }));
    const began = process.cpuUsage();
    await put(route("bad", rules));
    const { user } = process.cpuUsage(began);
    expect(paths()).toEqual(expect.arrayContaining(["/good"]));
    expect(said("default.edge-1")).toHaveLength(1_000);
    expect(user / 1000).toBeLessThan(20_000);
  }, 60_000);
});

describe("a sidecar", () => {
  test("loses a health check, and keeps its cluster", async () => {
    const check = { interval: "1s", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, http: { path: "/a\nb" } };
    await put(draft("HealthCheck", "bad", { sources: everything, destinations: everything, conf: check }));
    expect(said("default.echo-1")).toEqual([["healthCheck", expect.stringContaining("Path"), "HealthCheck/bad"]]);
    expect(resource("default.echo-1", "Cluster", "echo")).toBeDefined();
  });

  const template = (modifications: object[]) =>
    draft("ProxyTemplate", "patches", { selectors: everything, conf: { imports: ["default-proxy"], modifications } });
  const filter = (name: string, value: object) => ({ httpFilter: { operation: "addFirst", value: JSON.stringify({ name, ...value }) } });

  test("goes without a modification that cannot be applied, or that Envoy would not take; the others are applied", async () => {
    await put(
      template([
        { cluster: { operation: "add", value: JSON.stringify({ name: "added", connectTimeout: "1s", type: "STATIC" }) } },
        filter("x", { typedConfig: { "@type": "type.googleapis.com/no.Such" } }),
        { cluster: { operation: "patch", match: { name: "added" }, value: JSON.stringify({ connectTimeout: "-1s" }) } },
      ]),
    );
    expect(resource("default.echo-1", "Cluster", "added")).toBeDefined();
    expect(said("default.echo-1")).toEqual([
      ["modification", expect.stringContaining("no.Such"), "ProxyTemplate/patches"],
      ["modification", expect.stringContaining("ConnectTimeout"), "ProxyTemplate/patches"],
    ]);
  });

  test("goes without a patch that cannot be applied, of one of two MeshProxyPatches, which alone is named", async () => {
    const patch = (name: string, ...appendModifications: object[]) => draft("MeshProxyPatch", name, { default: { appendModifications } });
    const added = { operation: "Add", value: JSON.stringify({ name: "added", connectTimeout: "1s", type: "STATIC" }) };
    const wrong = { op: "replace", path: "/connect_timeout", value: "1s" };
    const negative = { op: "replace", path: "/connectTimeout", value: "-1s" };
    await put(
      patch("good", { cluster: added }),
      patch(
        "bad",
        { cluster: { operation: "Patch", match: { name: "added" }, jsonPatches: [wrong] } },
        { cluster: { operation: "Patch", match: { origin: "mesh-proxy-patch" }, jsonPatches: [negative] } },
      ),
    );
    expect(resource("default.echo-1", "Cluster", "added")).toBeDefined();
    expect(said("default.echo-1").toSorted()).toEqual([
      ["modification", expect.stringContaining("cannot replace /connect_timeout"), "MeshProxyPatch/bad"],
      ["modification", expect.stringContaining("ConnectTimeout"), "MeshProxyPatch/bad"],
    ]);
  });

  test("what its Envoy refused is left out until it changes", async () => {
    const lua = (code: string) =>
      filter("envoy.filters.http.lua", {
        typedConfig: {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
          defaultSourceCode: { inlineString: code },
        },
      });
    await put(template([lua("no lua")]));
    const name = "inbound:127.0.0.1:9000";
    const inbound = resource("default.echo-1", "Listener", name);
    expect(text("default.echo-1", "Listener", name)).toContain("no lua");
    const { parts } = inbound.divide!();
    const id = parts.find((part) => part.id.startsWith("modification:"))!.id;
    // What a session would find by trials.
    expect(
      Buffer.from(inbound.divide!().of(new Set(parts.map((part) => part.id).filter((one) => one !== id)))!.bytes).toString(),
    ).not.toContain("no lua");
    compiler.refused("default.echo-1", inbound.typeUrl, name, new Map([[id, "script load error"]]));
    await compiler.settled();
    expect(text("default.echo-1", "Listener", name)).not.toContain("no lua");
    expect(said("default.echo-1")).toEqual([["modification", "script load error", "ProxyTemplate/patches"]]);
    await put(template([lua("function envoy_on_request(handle) end")]));
    expect(text("default.echo-1", "Listener", name)).toContain("envoy_on_request");
    expect(said("default.echo-1")).toEqual([]);
  });

  test("a filter that decides who may enter is never left out alone", async () => {
    const guard = filter("envoy.filters.http.jwt_authn", {
      typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication" },
    });
    await put(template([guard]));
    const inbound = resource("default.echo-1", "Listener", "inbound:127.0.0.1:9000");
    expect(inbound.divide!().parts.some(({ id }) => id.startsWith("modification:"))).toBe(false);
  });
});
