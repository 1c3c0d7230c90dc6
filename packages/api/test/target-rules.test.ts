import type { DataplaneSpec, MeshGatewaySpec, MeshSpec, Resource } from "@atoll/resource";
import { expect, test } from "vitest";
import { ruleAttachments } from "../src/rule-attachments.ts";
import { TargetRules } from "../src/target-rules.ts";

const resource = <Spec>(type: string, name: string, spec: Spec): Resource<Spec> => ({
  ...{ type, mesh: type === "Mesh" ? "" : "m", name, revision: 1, spec },
  ...{ creationTime: "2026-01-01T00:00:00Z", modificationTime: "2026-01-01T00:00:00Z" },
});

const mesh = resource("Mesh", "m", {}) as Resource<MeshSpec>;
const sidecar = resource<DataplaneSpec>("Dataplane", "web-1", {
  networking: { address: "10.0.0.1", inbound: [{ name: "main", port: 80, tags: { "kuma.io/service": "web", team: "red" } }] },
});
const edge = resource<DataplaneSpec>("Dataplane", "edge-1", {
  networking: { address: "10.0.0.2", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
});
const everything = { kind: "Mesh" };
const permission = resource("MeshTrafficPermission", "allow", {
  targetRef: everything,
  from: [{ targetRef: everything, default: { action: "Allow" } }],
});
const inbound = resource("MeshTimeout", "in", {
  targetRef: { kind: "MeshSubset", tags: { team: "red" } },
  rules: [{ default: { idleTimeout: "9s" } }],
});
const onGateway = resource("MeshTimeout", "gw", {
  targetRef: { kind: "MeshGateway", name: "g" },
  to: [{ targetRef: everything, default: { idleTimeout: "8s" } }],
});
const matches = [{ path: { type: "Exact", value: "/a&b" } }];
const route = resource("MeshHTTPRoute", "r", {
  targetRef: { kind: "MeshGateway", name: "g" },
  to: [{ targetRef: everything, rules: [{ matches, default: {} }] }],
});
const gateway = resource("MeshGateway", "g", {
  selectors: [{ match: { "kuma.io/service": "edge" } }],
  conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
});
const trace = resource("MeshTrace", "spans", { targetRef: everything, default: { backends: [] } });
const passthrough = resource("MeshPassthrough", "none", { targetRef: everything, default: { passthroughMode: "None" } });

const rules = new TargetRules(
  mesh,
  <Spec>(type: string) =>
    [permission, inbound, onGateway, route, gateway, trace, passthrough].filter(
      (one) => one.type === type,
    ) as unknown as readonly Resource<Spec>[],
);
const meta = (type: string, name: string) => ({ type, mesh: "m", name, labels: {} });

test("the view from before `_rules`: rules by the parts of a sidecar, the names and addresses of a service together", () => {
  const client = resource<DataplaneSpec>("Dataplane", "client", {
    networking: {
      address: "10.0.0.3",
      inbound: [{ port: 81, tags: { "kuma.io/service": "client" } }],
      outbound: [
        { port: 10001, tags: { "kuma.io/service": "web" } },
        { address: "127.0.0.2", port: 10002, tags: { "kuma.io/service": "web" } },
        { port: 10003, tags: { "kuma.io/service": "web", v: "1" } },
      ],
    },
  });
  const slow = resource("MeshTimeout", "slow", {
    targetRef: everything,
    from: [{ targetRef: everything, default: { idleTimeout: "3s" } }],
    to: [{ targetRef: { kind: "MeshService", name: "web" }, default: { idleTimeout: "4s" } }],
  });
  const denied = { kind: "MeshSubset", tags: { v: "1" } };
  const some = resource("MeshTrafficPermission", "some", {
    targetRef: everything,
    from: [
      { targetRef: everything, default: { action: "Allow" } },
      { targetRef: denied, default: { action: "Deny" } },
    ],
  });
  const alone = new TargetRules(
    mesh,
    <Spec>(type: string) => [slow, some, trace].filter((one) => one.type === type) as unknown as readonly Resource<Spec>[],
  );
  const inboundPlace = { name: "client", service: "client", tags: { "kuma.io/service": "client" }, addresses: ["10.0.0.3:81"] };
  const web = { type: "DestinationSubset", service: "web", policyType: "MeshTimeout", subset: { "kuma.io/service": "web" } };
  const from = (name: string) => [{ mesh: "m", name }];
  const calls = { type: "ClientSubset", ...inboundPlace };
  const virtual = [
    { address: "240.0.0.1", domains: ["web.mesh"], outbounds: [{ port: 80, tags: { "kuma.io/service": "web" }, origin: "service" }] },
  ];
  expect(ruleAttachments(client, virtual, alone.ofParts(client))).toEqual([
    { type: "SingleItem", policyType: "MeshTrace", subset: {}, conf: { backends: [] }, origins: from("spans") },
    { ...calls, policyType: "MeshTimeout", subset: {}, conf: { idleTimeout: "3s" }, origins: from("slow") },
    { ...calls, policyType: "MeshTrafficPermission", subset: { v: "1" }, conf: { action: "Deny" }, origins: from("some") },
    { ...calls, policyType: "MeshTrafficPermission", subset: { v: "!1" }, conf: { action: "Allow" }, origins: from("some") },
    {
      ...{ ...web, name: "web", addresses: ["127.0.0.1:10001", "127.0.0.2:10002"], tags: { "kuma.io/service": "web" } },
      ...{ conf: { idleTimeout: "4s" }, origins: from("slow") },
    },
    {
      ...{ ...web, name: "web-7c4f18b68e7e3cb1", addresses: ["127.0.0.1:10003"], tags: { "kuma.io/service": "web", v: "1" } },
      ...{ conf: { idleTimeout: "4s" }, origins: from("slow") },
    },
  ]);
  const { networking } = client.spec;
  const byName = {
    ...client,
    spec: { networking: { ...networking, transparentProxying: { redirectPortInbound: 1, redirectPortOutbound: 2 } } },
  };
  expect(ruleAttachments(byName, virtual, alone.ofParts(client)).at(-1)).toMatchObject({ addresses: ["web.mesh:80", "240.0.0.1:80"] });
});

test("a policy selects the proxies that its targetRef means", () => {
  const selected = (policy: Resource) => [sidecar, edge].filter((one) => rules.selects(policy, one)).map(({ name }) => name);
  expect(selected(permission)).toEqual(["web-1", "edge-1"]);
  expect(selected(inbound)).toEqual(["web-1"]);
  expect(selected(onGateway)).toEqual(["edge-1"]);
  expect(selected(route)).toEqual(["edge-1"]);
});

test("the rules of a sidecar: by who calls, for all that comes in, for the proxy as a whole", () => {
  const place = { name: "main", port: 80, tags: { "kuma.io/service": "web", team: "red" } };
  const none = { fromRules: [], inboundRules: [], toResourceRules: [], toRules: [], warnings: [] };
  expect(rules.render(sidecar)).toEqual({
    httpMatches: [],
    resource: meta("Dataplane", "web-1"),
    rules: [
      { ...none, type: "MeshPassthrough", proxyRule: { conf: { passthroughMode: "None" }, origin: [meta("MeshPassthrough", "none")] } },
      { ...none, type: "MeshTrace", proxyRule: { conf: { backends: [] }, origin: [meta("MeshTrace", "spans")] } },
      {
        ...none,
        type: "MeshTimeout",
        inboundRules: [
          {
            inbound: place,
            rules: [{ conf: [{ idleTimeout: "9s" }], origin: [{ resourceMeta: meta("MeshTimeout", "in"), ruleIndex: 0 }] }],
          },
        ],
      },
      {
        ...none,
        type: "MeshTrafficPermission",
        fromRules: [
          { inbound: place, rules: [{ conf: { action: "Allow" }, matchers: [], origin: [meta("MeshTrafficPermission", "allow")] }] },
        ],
      },
    ],
  });
});

test("a MeshGateway has the rules of a proxy that its selector means; one without has none", () => {
  const shown = rules.renderGateway(gateway as Resource<MeshGatewaySpec>) as { resource: unknown; rules: { type: string }[] };
  expect(shown.resource).toEqual(meta("MeshGateway", "g"));
  expect(shown.rules).toEqual((rules.render(edge) as typeof shown).rules);
  expect(rules.renderGateway({ ...gateway, spec: { selectors: [] } } as never)).toBeUndefined();
});

test("where services are resources alone, rules by tags are none", () => {
  const exclusive = new TargetRules(
    { ...mesh, spec: { meshServices: { mode: "Exclusive" } } } as Resource<MeshSpec>,
    <Spec>(type: string) => [onGateway, gateway].filter((one) => one.type === type) as unknown as readonly Resource<Spec>[],
  );
  expect(exclusive.render(edge)).toMatchObject({ rules: [{ type: "MeshTimeout", toRules: [], toResourceRules: [{}] }] });
});

test("the rules of a gateway: of its listeners, with the hash of each match of a route", () => {
  const shown = rules.render(edge) as { httpMatches: unknown; rules: { type: string; toRules: unknown; toResourceRules: unknown }[] };
  expect(shown.httpMatches).toEqual([{ hash: "m9Q1qpPuyt3qHPwSaQz0NzVkk4X0EXURaVY7mZ6WfcA=", match: matches }]);
  const timeout = shown.rules.find(({ type }) => type === "MeshTimeout")!;
  expect(timeout.toRules).toEqual([{ conf: { idleTimeout: "8s" }, matchers: [], origin: [meta("MeshTimeout", "gw")] }]);
  expect(timeout.toResourceRules).toEqual([
    {
      conf: [{ idleTimeout: "8s" }],
      origin: [{ resourceMeta: meta("MeshTimeout", "gw"), ruleIndex: 0 }],
      resourceMeta: { type: "Mesh", mesh: "", name: "m", labels: {} },
      resourceSectionName: "",
    },
  ]);
  expect(shown.rules.map(({ type }) => type)).toEqual([
    "MeshHTTPRoute",
    "MeshPassthrough",
    "MeshTrace",
    "MeshTimeout",
    "MeshTrafficPermission",
  ]);
});
