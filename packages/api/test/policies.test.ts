import { expect, test } from "vitest";
import { FakeZoneStore, planeWithMesh } from "./fake-plane.ts";

const all = [{ match: { "kuma.io/service": "*" } }];
const to = (service: string) => [{ match: { "kuma.io/service": service } }];
const http = {
  http: {
    rules: [{ matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ weight: 1, destination: { "kuma.io/service": "web" } }] }],
  },
};

const documents = [
  { type: "TrafficPermission", name: "all", sources: all, destinations: all },
  { type: "TrafficPermission", name: "web", sources: all, destinations: to("web") },
  {
    type: "FaultInjection",
    name: "fi",
    sources: all,
    destinations: [{ match: { "kuma.io/service": "web", "kuma.io/protocol": "http" } }],
    conf: { abort: { httpStatus: 500, percentage: 1 } },
  },
  { type: "Timeout", name: "t", sources: all, destinations: to("quotes"), conf: { connectTimeout: "1s" } },
  {
    type: "TrafficRoute",
    name: "split",
    sources: all,
    destinations: to("quotes"),
    conf: { split: [{ weight: 1, destination: { "kuma.io/service": "other" } }] },
  },
  { type: "Retry", name: "r", sources: all, destinations: all, conf: { http: { numRetries: 1 } } },
  { type: "TrafficLog", name: "log", sources: all, destinations: all },
  { type: "TrafficTrace", name: "trace", selectors: all },
  {
    type: "MeshTimeout",
    name: "targeted",
    spec: { targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }] },
  },
  { type: "MeshGateway", name: "edge", selectors: to("edge"), conf: { listeners: [{ port: 8080, protocol: "HTTP" }] } },
  { type: "MeshGatewayRoute", name: "route", selectors: to("edge"), conf: http },
];

/** A global that reads a sidecar and a builtin gateway of zone west; answers their names there. */
async function meshWithPolicies() {
  const plane = await planeWithMesh();
  const { status, text } = await plane.request("POST /changes", {
    resources: documents.map((document) => ({ ...document, mesh: "default" })),
  });
  if (status !== 200) throw new Error(text);
  const west = new FakeZoneStore();
  plane.zones.set("west", west);
  const put = (name: string, networking: object) => west.put({ type: "Dataplane", mesh: "default", name, spec: { networking } });
  const tags = { "kuma.io/service": "web", "kuma.io/protocol": "http" };
  await put("web-1", {
    address: "10.0.0.1",
    inbound: [{ port: 80, servicePort: 8080, tags }],
    outbound: [{ port: 1000, tags: { "kuma.io/service": "quotes" } }],
  });
  await put("edge-1", { address: "10.0.0.2", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } });
  const names = (await plane.request("GET /meshes/default/dataplanes")).body.items.map(({ name }: { name: string }) => name);
  return { ...plane, edge: names[0] as string, web: names[1] as string };
}

const named = (policies: Record<string, { name: string }[]>) =>
  Object.fromEntries(Object.entries(policies).map(([type, list]) => [type, list.map(({ name }) => name)]));

test("a sidecar's policies are listed by inbound, outbound, service and dataplane; those with a targetRef for the dataplane", async () => {
  const { request, web } = await meshWithPolicies();
  const { body } = await request(`GET /meshes/default/dataplanes/${web}/policies`);
  expect(body).toMatchObject({ kind: "SidecarDataplane", total: 6 });
  const parts = body.items.map(({ matchedPolicies, ...part }: { matchedPolicies: Record<string, { name: string }[]> }) => [
    part,
    named(matchedPolicies),
  ]);
  expect(parts).toEqual([
    [{ type: "dataplane" }, { MeshTimeout: ["targeted"], TrafficTrace: ["trace"] }],
    [
      { type: "inbound", name: "10.0.0.1:80:8080", service: "web" },
      { FaultInjection: ["fi"], TrafficPermission: ["web"] },
    ],
    [
      { type: "outbound", name: "127.0.0.1:1000", service: "quotes" },
      { Timeout: ["t"], TrafficRoute: ["split"] },
    ],
    [{ type: "service", name: "other", service: "other" }, { Retry: ["r"] }],
    [{ type: "service", name: "pass_through", service: "pass_through" }, { TrafficLog: ["log"] }],
    [{ type: "service", name: "quotes", service: "quotes" }, { TrafficLog: ["log"] }],
  ]);
  expect(Object.keys(body.items[1].matchedPolicies.TrafficPermission[0])).toEqual([
    "type",
    "mesh",
    "name",
    "creationTime",
    "modificationTime",
    "labels",
  ]);
});

test("a builtin gateway's policies are listed down to the destinations of its routes", async () => {
  const { request, edge } = await meshWithPolicies();
  const { body } = await request(`GET /meshes/default/dataplanes/${edge}/policies`);
  expect(body).toMatchObject({
    kind: "MeshGatewayDataplane",
    gateway: { mesh: "default", name: "edge" },
    listeners: [{ port: 8080, protocol: "HTTP", hosts: [{ hostName: "*", routes: [{ route: "route" }] }] }],
    policies: { TrafficLog: { name: "log" }, TrafficTrace: { name: "trace" } },
  });
  const [route] = body.listeners[0].hosts[0].routes;
  // A path prefix is two routes in Envoy.
  expect(route.destinations).toHaveLength(2);
  expect(route.destinations[0]).toMatchObject({ tags: { "kuma.io/service": "web" }, policies: { Retry: { name: "r" } } });
});

test("a policy's dataplanes are listed with the parts it acts on", async () => {
  const { request, web, edge } = await meshWithPolicies();
  const items = async (path: string) => (await request(`GET /meshes/default/${path}/dataplanes`)).body;
  expect(await items("traffic-permissions/web")).toEqual({
    total: 1,
    items: [
      {
        kind: "SidecarDataplane",
        dataplane: { mesh: "default", name: web },
        attachments: [{ type: "inbound", name: "10.0.0.1:80:8080", service: "web" }],
      },
    ],
  });
  expect(await items("traffic-permissions/all")).toEqual({ total: 0, items: [] });
  expect((await items("retries/r")).items).toMatchObject([
    {
      kind: "MeshGatewayDataplane",
      dataplane: { name: edge },
      gateway: { mesh: "default", name: "edge" },
      listeners: [
        {
          port: 8080,
          protocol: "HTTP",
          hosts: [{ hostName: "*", routes: [{ route: "route", destinations: [{ "kuma.io/service": "web" }] }, {}] }],
        },
      ],
    },
    { kind: "SidecarDataplane", dataplane: { name: web }, attachments: [{ type: "service", name: "other" }] },
  ]);
  expect((await items("traffic-traces/trace")).items).toEqual([
    { kind: "MeshGatewayDataplane", dataplane: { mesh: "default", name: edge }, gateway: { mesh: "default", name: "edge" } },
    { kind: "SidecarDataplane", dataplane: { mesh: "default", name: web }, attachments: [{ type: "dataplane" }] },
  ]);
  expect((await items("meshtimeouts/targeted")).items).toEqual([
    { kind: "SidecarDataplane", dataplane: { mesh: "default", name: web }, attachments: [{ type: "dataplane" }] },
  ]);
  const onEdge = { total: 1, items: [{ dataplane: { mesh: "default", name: edge } }] };
  expect(await items("meshgateways/edge")).toEqual(onEdge);
  expect(await items("meshgatewayroutes/route")).toEqual(onEdge);
});

test("what is not there is said as clients know it", async () => {
  const { request } = await meshWithPolicies();
  const title = async (path: string) => {
    const { status, body } = await request(`GET ${path}`);
    return `${status} ${body.title ?? body}`;
  };
  expect(await title("/meshes/default/dataplanes/no/policies")).toBe("404 Could not get MatchedPolicies");
  expect(await title("/meshes/no/dataplanes/no/policies")).toBe("404 Could not build MeshContext");
  expect(await title("/meshes/no/timeouts/t/dataplanes")).toBe("404 Could not list Dataplanes");
  expect(await title("/meshes/default/meshgateways/no/dataplanes")).toBe("404 Could not find MeshGateway");
  expect(await title("/meshes/default/meshgatewayroutes/no/dataplanes")).toBe("404 Could not find MeshGatewayRoute");
  expect(await title("/meshes/default/virtual-outbounds/no/dataplanes")).toBe("404 404: Page Not Found");
});

test("a transparently proxied sidecar has the policies of the names of its zone, not of outbounds that it lists", async () => {
  const plane = await meshWithPolicies();
  const west = plane.zones.get("west")!;
  const outbounds = [{ port: 80, tags: { "kuma.io/service": "quotes" }, origin: "service" }];
  await west.put({ type: "VirtualIp", mesh: "default", name: "service:quotes", spec: { address: "240.0.0.0", domains: [], outbounds } });
  const networking = {
    address: "10.0.0.3",
    transparentProxying: { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 },
    inbound: [{ port: 80, tags: { "kuma.io/service": "web" } }],
    outbound: [{ port: 1000, tags: { "kuma.io/service": "listed" } }],
  };
  await west.put({ type: "Dataplane", mesh: "default", name: "web-2", spec: { networking } });
  const { body } = await plane.request("GET /meshes/default/timeouts/t/dataplanes");
  const attachments = body.items.map((item: { attachments: object[] }) => item.attachments);
  expect(attachments).toContainEqual([{ type: "outbound", name: "240.0.0.0:80", service: "quotes" }]);
  expect(JSON.stringify(body)).not.toContain("listed");
});
