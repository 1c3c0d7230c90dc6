import { describe, expect, test } from "vitest";
import { buildProxyView } from "../src/index.ts";
import type { ProxyRef, ProxyView } from "../src/index.ts";
import { contextsOf } from "./world.ts";
import type { World } from "./world.ts";

type Documents = NonNullable<World["resources"]>;

/** What of two meshes in two zones can fail; everything is well unless a field says otherwise. */
interface State {
  local?: Document[];
  remote?: { tags: Record<string, string>; instances: number; gone?: number; unready?: boolean; mesh?: string }[];
  ingress?: string | null;
  zones?: object;
  live?: string[];
  gone?: string[];
  egresses?: string[];
  protocols?: World["protocols"];
  mesh?: object;
  extra?: Documents;
}
type Document = Documents[number];

const both = { "kuma.io/service": "*" };
const tags = (service: string, zone: string, version = "v1", protocol = "http"): Record<string, string> => ({
  ...{ "kuma.io/service": service, "kuma.io/protocol": protocol, "kuma.io/zone": zone, version },
});
const instance = (name: string, address: string, inbound: object): Document => ({
  ...{ type: "Dataplane", mesh: "default", name, networking: { address, inbound: [{ port: 8080, ...inbound }] } },
});
const web1 = instance("web-1", "10.1.0.3", { tags: tags("web", "zone-1") });
const web2 = instance("web-2", "10.1.0.4", { tags: tags("web", "zone-1", "v2") });
const far = { tags: tags("far", "zone-2"), instances: 1 };
const shop = { tags: tags("web", "zone-2"), instances: 2 };
const crossMesh = { mesh: "other", tags: { "kuma.io/mesh": "other", "kuma.io/service": "other-gateway" }, instances: 1 };
const base: Required<Pick<State, "local" | "remote" | "ingress" | "egresses">> = {
  local: [web1],
  remote: [far, crossMesh],
  ingress: "10.2.0.9",
  egresses: ["out-1"],
};

const destination = (service: string, more: object = {}): object => ({ destination: { "kuma.io/service": service, ...more }, weight: 1 });
const outbounds = ["web", "far", "ext", "mixed"].map((service, index) => ({ port: 20_001 + index, tags: { "kuma.io/service": service } }));
const cross = { port: 20_010, tags: { "kuma.io/service": "other-gateway", "kuma.io/mesh": "other" } };
const rule = (path: string, ...backends: object[]): object => ({ matches: [{ path: { match: "PREFIX", value: path } }], backends });

function worldOf(state: State, mtls: boolean, zoneEgress: boolean, routed: boolean): Omit<World, "proxy"> {
  const { local, remote, ingress, egresses } = { ...base, ...state };
  const security = mtls ? { mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] } } : {};
  const mesh = (name: string): Document => ({ type: "Mesh", name, ...security, routing: { zoneEgress }, ...state.mesh });
  const policy = (type: string, more: object = {}): Document => ({
    ...{ type, mesh: "default", name: "all", sources: [{ match: both }], destinations: [{ match: both }], ...more },
  });
  const resources: Documents = [
    mesh("default"),
    mesh("other"),
    policy("TrafficPermission"),
    ...(routed ? [policy("TrafficRoute", { conf: { destination: both } })] : []),
    {
      ...{ type: "ExternalService", mesh: "default", name: "ext", tags: { "kuma.io/service": "ext", "kuma.io/protocol": "http" } },
      networking: { address: "10.9.0.1:80" },
    },
    ...egresses.map((name, index) => ({ type: "ZoneEgress", name, networking: { address: `10.1.0.${90 + index}`, port: 10_002 } })),
    { type: "ZoneIngress", name: "in", networking: { address: "10.1.0.8", port: 10_001 } },
    {
      ...{ type: "Dataplane", mesh: "default", name: "caller" },
      networking: {
        address: "10.1.0.2",
        inbound: [{ port: 80, tags: tags("caller", "zone-1") }],
        outbound: [...outbounds, cross],
      },
    },
    {
      ...{ type: "Dataplane", mesh: "default", name: "hired" },
      networking: {
        address: "10.1.0.5",
        gateway: { type: "DELEGATED", tags: { "kuma.io/service": "hired" } },
        outbound: [...outbounds, cross],
      },
    },
    {
      ...{ type: "Dataplane", mesh: "default", name: "edge" },
      networking: { address: "10.1.0.6", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
    },
    {
      ...{ type: "MeshGateway", mesh: "default", name: "edge", selectors: [{ match: { "kuma.io/service": "edge" } }] },
      conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
    },
    {
      ...{ type: "MeshGatewayRoute", mesh: "default", name: "edge", selectors: [{ match: { "kuma.io/service": "edge" } }] },
      conf: {
        http: {
          rules: [
            rule("/web", destination("web")),
            rule("/v2", destination("web", { version: "v2" })),
            rule("/far", destination("far")),
            rule("/ext", destination("ext")),
            rule("/mixed", destination("mixed")),
            rule("/other", destination("other-gateway", { "kuma.io/mesh": "other" })),
          ],
        },
      },
    },
    ...local,
    ...(state.zones ? [{ type: "Zone", name: "zone-2", ...state.zones }] : []),
    ...(state.extra ?? []),
  ];
  const entries = remote.map(({ mesh: of = "default", ...entry }) => ({ mesh: of, ...entry }));
  return {
    zone: "zone-1",
    resources,
    inventory: {
      "zone-2": { entries, ingresses: ingress === null ? [] : [{ advertisedAddress: ingress, advertisedPort: 10_001 }] },
    },
    ...(state.live ? { options: { liveZones: state.live } } : {}),
    ...(state.gone ? { gone: state.gone } : {}),
    ...(state.protocols ? { protocols: state.protocols } : {}),
  };
}

const proxies: Record<string, ProxyRef> = {
  sidecar: { type: "dataplane", mesh: "default", name: "caller" },
  "delegated gateway": { type: "dataplane", mesh: "default", name: "hired" },
  "builtin gateway": { type: "dataplane", mesh: "default", name: "edge" },
  ingress: { type: "ingress", name: "in" },
  egress: { type: "egress", name: "out-1" },
};

const remembered = { default: { web: { protocol: "http" }, far: { protocol: "http", unused: true as const } } };
const allOfFar = { protocols: { default: { far: { protocol: "http" } } } };
const sick = (document: Document, how: object): Document => {
  const { networking } = document as unknown as { networking: { inbound: object[] } };
  return { ...document, networking: { ...networking, inbound: networking.inbound.map((one) => ({ ...one, ...how })) } };
};
const notReady = { state: "NotReady" };
const mixedHttp = instance("mixed-1", "10.1.0.20", { tags: tags("mixed", "zone-1") });
const mixedTcp = instance("mixed-2", "10.1.0.21", { tags: tags("mixed", "zone-1", "v1", "tcp") });
const mixedFar = { tags: tags("mixed", "zone-2", "v1", "tcp"), instances: 1 };

/**
 * Who is healthy, online or reachable decides who is called, and nothing else. `called` are the addresses of the cluster `web`, or of the
 * one that is named, of a sidecar with mutual TLS and no egress.
 */
const failures: [what: string, before: State, after: State, called: { service?: string; before: string[]; after: string[] }][] = [
  ["the only instance says NotReady", {}, { local: [sick(web1, notReady)] }, { before: ["10.1.0.3"], after: [] }],
  ["the only instance fails its probe", {}, { local: [sick(web1, { health: { ready: false } })] }, { before: ["10.1.0.3"], after: [] }],
  [
    "one of two instances says NotReady",
    { local: [web1, web2] },
    { local: [web1, sick(web2, notReady)] },
    { before: ["10.1.0.3", "10.1.0.4"], after: ["10.1.0.3"] },
  ],
  [
    "all of two instances say NotReady",
    { local: [web1, web2] },
    { local: [sick(web1, notReady), sick(web2, notReady)] },
    { before: ["10.1.0.3", "10.1.0.4"], after: [] },
  ],
  [
    "one of two is gone",
    { local: [web1, web2] },
    { local: [web1, web2], gone: ["Dataplane/web-2"] },
    { before: ["10.1.0.3", "10.1.0.4"], after: ["10.1.0.3"] },
  ],
  ["the last one is gone", {}, { gone: ["Dataplane/web-1"] }, { before: ["10.1.0.3"], after: ["10.1.0.3"] }],
  [
    "two of three are gone",
    { local: [web1, web2, instance("web-3", "10.1.0.7", { tags: tags("web", "zone-1") })] },
    {
      local: [web1, web2, instance("web-3", "10.1.0.7", { tags: tags("web", "zone-1") })],
      gone: ["Dataplane/web-1", "Dataplane/web-2"],
    },
    { before: ["10.1.0.3", "10.1.0.4", "10.1.0.7"], after: ["10.1.0.7"] },
  ],
  [
    "all are gone here, and another zone has some",
    { remote: [far, crossMesh, shop] },
    { remote: [far, crossMesh, shop], gone: ["Dataplane/web-1"] },
    { before: ["10.1.0.3", "10.2.0.9"], after: ["10.2.0.9"] },
  ],
  [
    "all are gone here and in the other zone",
    { remote: [far, crossMesh, shop] },
    { remote: [far, crossMesh, { ...shop, gone: 2 }], gone: ["Dataplane/web-1"] },
    { before: ["10.1.0.3", "10.2.0.9"], after: ["10.1.0.3", "10.2.0.9"] },
  ],
  [
    "all are gone in the other zone",
    { remote: [far, crossMesh, shop] },
    { remote: [far, crossMesh, { ...shop, gone: 2 }] },
    { before: ["10.1.0.3", "10.2.0.9"], after: ["10.1.0.3"] },
  ],
  [
    "one is gone here, and the other is not ready",
    { local: [web1, web2] },
    { local: [web1, sick(web2, notReady)], gone: ["Dataplane/web-1"] },
    { before: ["10.1.0.3", "10.1.0.4"], after: ["10.1.0.3"] },
  ],
  [
    "the name of the only instance's host is not resolved",
    { local: [{ ...web1, networking: { ...(web1["networking"] as object), address: "10.1.0.3" } }] },
    { local: [{ ...web1, networking: { ...(web1["networking"] as object), address: "web.internal" } }] },
    { before: ["10.1.0.3"], after: [] },
  ],
  [
    "the one that speaks TCP alone is not ready",
    { local: [web1, mixedHttp, mixedTcp] },
    { local: [web1, mixedHttp, sick(mixedTcp, notReady)] },
    { service: "mixed", before: ["10.1.0.20", "10.1.0.21"], after: ["10.1.0.20"] },
  ],
  [
    "the one that speaks TCP alone is gone",
    { local: [web1, mixedHttp, mixedTcp] },
    { local: [web1, mixedHttp, mixedTcp], gone: ["Dataplane/mixed-2"] },
    { service: "mixed", before: ["10.1.0.20", "10.1.0.21"], after: ["10.1.0.20"] },
  ],
  [
    "the one that speaks TCP alone is in a zone that is silent",
    { local: [web1, mixedHttp], remote: [far, crossMesh, mixedFar] },
    { local: [web1, mixedHttp], remote: [far, crossMesh, mixedFar], live: ["zone-1"] },
    { service: "mixed", before: ["10.1.0.20", "10.2.0.9"], after: ["10.1.0.20"] },
  ],
  [
    "the only instance of another zone is not ready",
    {},
    { remote: [{ ...far, instances: 0, unready: true }, crossMesh] },
    { service: "far", before: ["10.2.0.9"], after: [] },
  ],
  [
    "the only instance of another zone is gone",
    {},
    { remote: [{ ...far, gone: 1 }, crossMesh] },
    { service: "far", before: ["10.2.0.9"], after: ["10.2.0.9"] },
  ],
  ["the other zone is silent", {}, { live: ["zone-1"] }, { service: "far", before: ["10.2.0.9"], after: [] }],
  ["the other zone is switched off", {}, { zones: { enabled: false } }, { service: "far", before: ["10.2.0.9"], after: [] }],
  ["the other zone has no ingress any more", {}, { ingress: null }, { service: "far", before: ["10.2.0.9"], after: [] }],
  [
    "the name of the other zone's ingress is not resolved",
    {},
    { ingress: "in.zone-2" },
    { service: "far", before: ["10.2.0.9"], after: [] },
  ],
];

/** Nobody has the service any more. Zone proxies then have nothing to pass it on to. */
const departures: typeof failures = [
  [
    "the only instance is deregistered",
    { protocols: remembered },
    { local: [], protocols: remembered },
    { before: ["10.1.0.3"], after: [] },
  ],
  ["the other zone is deleted", allOfFar, { ...allOfFar, remote: [] }, { service: "far", before: ["10.2.0.9"], after: [] }],
];

const shapes: [what: string, mtls: boolean, zoneEgress: boolean, routed: boolean][] = [
  ["mutual TLS", true, false, false],
  ["mutual TLS and a TrafficRoute", true, false, true],
  ["mutual TLS and an egress", true, true, false],
  ["no mutual TLS", false, false, false],
];

/** All but who is called. */
const lasting = ({ endpoints, ...view }: ProxyView): object => ({ ...view, endpoints: endpoints.map(({ cluster }) => cluster) });
const addressesOf = ({ endpoints }: ProxyView, cluster: string): string[] =>
  (endpoints.find((one) => one.cluster === cluster)?.localities ?? [])
    .flatMap((locality) => locality.endpoints.map(({ address }) => address))
    .toSorted();

const viewOf = (state: State, [, mtls, zoneEgress, routed]: (typeof shapes)[number], proxy: ProxyRef): ProxyView =>
  buildProxyView(contextsOf(worldOf(state, mtls, zoneEgress, routed)), proxy)!;

describe.each(failures)("%s", (_, before, after, called) => {
  test(`a sidecar calls [${called.after.join()}] instead of [${called.before.join()}]`, () => {
    const cluster = called.service ?? "web";
    const [was, is] = [before, after].map((state) => viewOf(state, shapes[0]!, proxies["sidecar"]!));
    expect([addressesOf(was!, cluster), addressesOf(is!, cluster)]).toEqual([called.before, called.after]);
  });

  test.each(Object.entries(proxies))("nothing else changes for a %s", (_, proxy) => {
    for (const shape of shapes) expect(lasting(viewOf(after, shape, proxy)), shape[0]).toEqual(lasting(viewOf(before, shape, proxy)));
  });
});

describe.each(departures)("%s", (_, before, after, called) => {
  test(`a sidecar calls [${called.after.join()}] instead of [${called.before.join()}]`, () => {
    const cluster = called.service ?? "web";
    const [was, is] = [before, after].map((state) => viewOf(state, shapes[0]!, proxies["sidecar"]!));
    expect([addressesOf(was!, cluster), addressesOf(is!, cluster)]).toEqual([called.before, called.after]);
  });

  test.each(Object.entries(proxies).slice(0, 3))("nothing else changes for a %s", (_, proxy) => {
    for (const shape of shapes) expect(lasting(viewOf(after, shape, proxy)), shape[0]).toEqual(lasting(viewOf(before, shape, proxy)));
  });
});

/** The one exception that is none: through an egress, `egress` is who is called. */
test.each([
  ["one of two egresses is gone", ["out-1", "out-2"], ["ZoneEgress/out-2"], ["10.1.0.90", "10.1.0.91"], ["10.1.0.90"]],
  ["the last egress is gone", ["out-1"], ["ZoneEgress/out-1"], ["10.1.0.90"], ["10.1.0.90"]],
])("%s: nothing but the endpoints changes", (_, egresses, gone, before, after) => {
  for (const name of ["sidecar", "delegated gateway", "builtin gateway", "ingress"]) {
    const [was, is] = [{ egresses }, { egresses, gone }].map((state) => viewOf(state, shapes[2]!, proxies[name]!));
    expect(lasting(is!)).toEqual(lasting(was!));
    if (name === "sidecar") {
      for (const service of ["far", "ext"]) expect([addressesOf(was!, service), addressesOf(is!, service)]).toEqual([before, after]);
    }
  }
});

test("a TrafficRoute that sends some to a service that is not there yet leaves the outbound what it is", () => {
  const split = [
    { weight: 90, destination: { "kuma.io/service": "web" } },
    { weight: 10, destination: { "kuma.io/service": "web-to-come" } },
  ];
  const route = {
    ...{ type: "TrafficRoute", mesh: "default", name: "canary", sources: [{ match: both }] },
    ...{ destinations: [{ match: { "kuma.io/service": "web" } }], conf: { split } },
  };
  const { listeners } = viewOf({ extra: [route] }, shapes[1]!, proxies["sidecar"]!);
  const { chains } = listeners.find(({ port }) => port === 20_001)!;
  expect(chains.map(({ filter }) => filter.type)).toEqual(["http"]);
});
