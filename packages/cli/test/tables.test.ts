import { expect, test } from "vitest";
import { dataplaneTable, serviceTable, zoneProxyTable, zoneTable } from "../src/ctl/overview-tables.ts";
import { explanationText, type ExplanationAnswer } from "../src/ctl/explain-text.ts";
import { dataplanePoliciesText, policyDataplanesText } from "../src/ctl/policy-text.ts";
import { age, date, renderTable, renderTags } from "../src/ctl/table.ts";

const now = new Date("2026-01-02T00:00:00Z");
const cells = (table: string) =>
  table
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {3,}/));

test("columns are as wide as their widest cell, and the last is not padded", () => {
  expect(
    renderTable(
      ["A", "LONG", "C"],
      [
        ["wide cell", "x", "y"],
        ["", "", ""],
      ],
    ),
  ).toBe("A           LONG   C\nwide cell   x      y\n                   \n");
});

test.each([
  ["2026-01-01T23:59:01Z", "59s"],
  ["2026-01-01T23:01:00Z", "59m"],
  ["2026-01-01T01:00:00Z", "23h"],
  ["2025-02-01T00:00:00Z", "335d"],
  ["2020-01-01T00:00:00Z", "6y"],
  ["2026-01-02T00:00:01Z", "0s"],
  ["2026-01-02T00:00:09Z", "never"],
  ["0001-01-01T00:00:00Z", "never"],
  [undefined, "never"],
])("the age of %s is %s", (time, shown) => expect(age(time, now)).toBe(shown));

test("dates are local, and tags are joined by key", () => {
  expect(date(undefined)).toBe("-");
  expect(date("2026-01-02T03:04:05Z")).toMatch(/^2026-01-0\d \d\d:04:05$/);
  expect(renderTags([{ b: "2", a: "1" }, { a: "0" }])).toBe("a=0,1 b=2");
});

const subscription = {
  id: "1",
  connectTime: "2026-01-01T23:59:00Z",
  status: { lastUpdateTime: "2026-01-01T23:59:30Z", total: { responsesSent: "4", responsesRejected: "1" } },
  version: { kumaDp: { version: "2.10.11" }, envoy: { version: "1.40.0" } },
};

test("a dataplane is judged by its connection and its inbounds, and the notes say which", () => {
  const inbound = (port: number, more: object = {}) => ({ port, tags: { "kuma.io/service": `s${port}` }, ...more });
  const overview = (name: string, networking: object, insight?: object) => ({
    mesh: "default",
    name,
    dataplane: { networking: { address: "10.0.0.1", ...networking } },
    ...(insight && { dataplaneInsight: insight }),
  });
  const online = { subscriptions: [subscription] };
  const table = dataplaneTable(
    [
      overview("off", { inbound: [inbound(1)] }),
      overview(
        "on",
        { inbound: [inbound(1)] },
        { ...online, mTLS: { issuedBackend: "ca", supportedBackends: ["ca"], certificateRegenerations: 3 } },
      ),
      overview("some", { inbound: [inbound(1), inbound(2, { state: "NotReady" })] }, online),
      overview("none", { inbound: [inbound(1, { health: {} })] }, online),
      overview("gateway", { gateway: { tags: { "kuma.io/service": "edge" } } }, online),
    ],
    now,
  );
  const rows = table.trimEnd().split("\n").slice(1);
  expect(rows.map((row) => row.split(/ {3,}/).slice(1, 4))).toEqual([
    ["off", "kuma.io/service=s1", "Offline"],
    ["on", "kuma.io/service=s1", "Online"],
    ["some", "kuma.io/service=s1,s2", "Partially degraded"],
    ["none", "kuma.io/service=s1", "Offline"],
    ["gateway", "kuma.io/service=edge", "Online"],
  ]);
  expect(cells(table)[2]!.slice(4)).toEqual(["1m", "30s", "4", "1", "never", "-", "3", "ca", "ca", "2.10.11", "1.40.0", "-", ""]);
  expect(rows[2]).toMatch(/inbound\[port=2,svc=s2\] is not ready$/);
});

test("zones, zone proxies and services", () => {
  const zone = { ...subscription, version: { kumaCp: { version: "2.10.11" } }, config: '{"store":{"type":"log"}}' };
  expect(
    cells(
      zoneTable(
        [
          { name: "east", zone: {}, zoneInsight: { subscriptions: [zone] } },
          { name: "west", zone: { enabled: false }, zoneInsight: { subscriptions: [{ ...zone, config: "no JSON" }] } },
        ],
        now,
      ),
    ).slice(1),
  ).toEqual([
    ["east", "Online", "1m", "30s", "4", "1", "2.10.11", "log"],
    ["west", "Offline", "1m", "30s", "4", "1", "2.10.11"],
  ]);
  expect(
    cells(zoneProxyTable([{ name: "in", zoneIngressInsight: { subscriptions: [subscription] } }, { name: "out" }], now)).slice(1),
  ).toEqual([
    ["in", "Online", "1m", "30s", "4", "1", "2.10.11", "1.40.0"],
    ["out", "Offline", "never", "never", "0", "0"],
  ]);
  expect(
    serviceTable([
      { name: "web", status: "partially_degraded", dataplanes: { online: 1, total: 2 } },
      { name: "es", status: "not_available" },
    ]),
  ).toBe("SERVICE   STATUS               DATAPLANES\nweb       Partially degraded   1/2\nes        Offline              0/0\n");
});

test("policies of dataplanes, and dataplanes of policies, as text", () => {
  expect(
    dataplanePoliciesText({
      kind: "SidecarDataplane",
      items: [
        { type: "dataplane", matchedPolicies: { TrafficTrace: [{ name: "t" }] } },
        { type: "inbound", name: "10.0.0.1:80:8080", service: "web", matchedPolicies: { FaultInjection: [{ name: "f" }, { name: "g" }] } },
        { type: "service", name: "db", service: "db", matchedPolicies: { Retry: [{ name: "r" }] } },
      ],
    }),
  ).toBe(`DATAPLANE:
  TrafficTrace
    t

INBOUND 10.0.0.1:80:8080(web):
  FaultInjection
    f
g

SERVICE db:
  Retry
    r

`);
  const tags = { "kuma.io/service": "web" };
  expect(
    dataplanePoliciesText({
      kind: "MeshGatewayDataplane",
      listeners: [
        {
          port: 80,
          protocol: "HTTP",
          hosts: [{ hostName: "*", routes: [{ route: "r", destinations: [{ tags, policies: { Retry: { name: "x" } } }] }] }],
        },
      ],
      policies: { TrafficLog: { name: "l" } },
    }),
  ).toBe(`MESHGATEWAY:
  TrafficLog
    l

LISTENER (HTTP:80):
  *:
    ROUTE r:
      SERVICE web:
        Retry
          x

`);
  expect(
    policyDataplanesText([
      { kind: "SidecarDataplane", dataplane: { name: "a" }, attachments: [{ type: "dataplane" }] },
      { kind: "SidecarDataplane", dataplane: { name: "b" }, attachments: [{ type: "outbound", name: "127.0.0.1:1", service: "web" }] },
      {
        kind: "MeshGatewayDataplane",
        gateway: { name: "edge" },
        listeners: [{ port: 80, protocol: "HTTP", hosts: [{ hostName: "*", routes: [{ route: "r", destinations: [tags] }] }] }],
      },
    ]),
  ).toBe(`Affected data plane proxies:

  a
  b:
    outbound 127.0.0.1:1(web)

  edge:
    listener (HTTP:80):
      *:
        r:
          service web

`);
});

test("an explanation as text, whole and in part", () => {
  const explanation: ExplanationAnswer = {
    revision: 9,
    acknowledged: 8,
    kind: "gateway",
    mesh: "default",
    name: "edge-1",
    zone: "east",
    policies: [],
    listeners: [
      {
        name: "edge:HTTP:80",
        address: "10.0.0.1",
        port: 80,
        from: [{ type: "MeshGateway", mesh: "default", name: "edge", revision: 3, section: "listener for * on port 80" }],
        policies: [],
        chains: [],
      },
    ],
    routes: [
      {
        name: "edge:HTTP:80:*",
        virtualHosts: [
          {
            name: "*",
            domains: ["*"],
            from: [],
            policies: [],
            routes: [
              {
                match: {
                  path: { prefix: "/api/" },
                  headers: [
                    { name: ":method", exact: "GET" },
                    { name: "x-a", present: false },
                  ],
                },
                action: "forward",
                clusters: [
                  { name: "web", weight: 90 },
                  { name: "new", weight: 10 },
                ],
                from: [{ type: "MeshGatewayRoute", mesh: "default", name: "r", revision: 4, section: "rule 0" }],
                policies: [
                  {
                    type: "Retry",
                    mesh: "default",
                    silent: true,
                    candidates: [
                      { name: "a", revision: 5, verdict: "chosen" },
                      { name: "b", revision: 6, verdict: "newer" },
                      { name: "c", revision: 7, verdict: "sourcesDoNotMatch" },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
    clusters: [{ name: "web", from: [], policies: [], endpoints: ["10.0.0.2:80 weight 1 priority 0"] }],
    problems: [],
  };
  const routes = `
ROUTES edge:HTTP:80:*
  HOST *
    ROUTE /api/* :method=GET no x-a -> web (90), new (10)
      from MeshGatewayRoute r@4 (rule 0)
      Retry: a@5, which has nothing for this place
        not b@6: as exact, but newer
        not c@7: no source matches
`;
  const head = "gateway edge-1 of mesh default in zone east, revision 9, Envoy at 8\n";
  expect(explanationText(explanation)).toBe(`${head}
LISTENER edge:HTTP:80 on 10.0.0.1:80
  from MeshGateway edge@3 (listener for * on port 80)
${routes}
CLUSTER web
  endpoint 10.0.0.2:80 weight 1 priority 0
`);
  expect(explanationText(explanation, "/api")).toBe(`${head}${routes}`);
});
