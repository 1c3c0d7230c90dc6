import { readFileSync } from "node:fs";
import { kinds } from "@atoll/resource";
import { expect, test } from "vitest";
import { type Plane, createPlane, planeWithMesh, time } from "./fake-plane.ts";
import { mutate, seededRandom } from "./mutate.ts";

const bodiesPerRoute = 300;
const marker = "0p3nS3sam3";
const hidden = Buffer.from(marker).toString("base64");

interface Document {
  type: string;
  mesh?: string;
  name: string;
}

/** A valid document of each kind that is written by clients: the fullest of the resource package's goldens, moved to mesh default. */
const documents = new Map<string, Document>(
  [
    { type: "Secret", mesh: "default", name: "x", data: hidden },
    { type: "GlobalSecret", name: "x", data: hidden },
    { type: "Zone", name: "x", enabled: true },
    {
      type: "MeshService",
      mesh: "default",
      name: "x",
      spec: { selector: { dataplaneTags: { a: "b" } }, ports: [{ port: 80, targetPort: "p" }] },
    },
    {
      ...{ type: "MeshExternalService", mesh: "default", name: "x" },
      spec: {
        match: { port: 80, protocol: "http" },
        endpoints: [{ address: "a.example", port: 443 }],
        tls: { enabled: true, version: { min: "TLS12" }, verification: { mode: "Secured", serverName: "a", caCert: { inline: hidden } } },
      },
    },
    {
      ...{ type: "MeshMultiZoneService", mesh: "default", name: "x" },
      spec: { selector: { meshService: { matchLabels: { a: "b" } } }, ports: [{ port: 80 }] },
    },
    {
      type: "HostnameGenerator",
      name: "x",
      spec: { selector: { meshService: { matchLabels: { a: "b" } } }, template: '{{ label "a" }}.b' },
    },
    ...(Object.values(JSON.parse(readFileSync(new URL("../testdata/documents.json", import.meta.url), "utf8")) as object) as Document[]),
  ].map((document: Document) => [document.type, { ...document, ...(document.mesh !== undefined && { mesh: "default" }), name: "x" }]),
);

const mesh = { kind: "Mesh" };
const sidecars = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const service = { kind: "MeshService", name: "a" };
const to = (conf: object) => ({ targetRef: mesh, to: [{ targetRef: mesh, default: conf }] });
const from = (conf: object) => ({ targetRef: sidecars, from: [{ targetRef: mesh, default: conf }] });
const route = (rules: object[]) => ({ targetRef: mesh, to: [{ targetRef: service, rules }] });
const prefix = [{ path: { type: "PathPrefix", value: "/a" } }];

/** Kinds whose documents nest their spec. */
const specs: Readonly<Record<string, object>> = {
  MeshAccessLog: to({ backends: [{ type: "File", file: { path: "/tmp/log" } }] }),
  MeshCircuitBreaker: to({ connectionLimits: { maxRetries: 1 } }),
  MeshFaultInjection: from({ http: [{ abort: { httpStatus: 500, percentage: 50 } }] }),
  MeshHTTPRoute: route([{ matches: prefix, default: { backendRefs: [service] } }]),
  MeshHealthCheck: to({ interval: "1s", tcp: {} }),
  MeshLoadBalancingStrategy: to({ loadBalancer: { type: "Random" } }),
  MeshMetric: { targetRef: mesh, default: { backends: [{ type: "Prometheus", prometheus: {} }] } },
  MeshMultiZoneService: { selector: { meshService: { matchLabels: { app: "a" } } }, ports: [{ port: 80 }] },
  MeshPassthrough: { targetRef: mesh, default: { passthroughMode: "Matched", appendMatch: [{ type: "IP", value: "1.2.3.4" }] } },
  MeshProxyPatch: { targetRef: mesh, default: { appendModifications: [{ cluster: { operation: "Remove" } }] } },
  MeshRateLimit: from({ local: { http: { requestRate: { num: 1, interval: "1s" } } } }),
  MeshRetry: to({ http: { numRetries: 1 } }),
  MeshTCPRoute: route([{ default: { backendRefs: [service] } }]),
  MeshTLS: { targetRef: mesh, rules: [{ default: { mode: "Strict" } }] },
  MeshTimeout: to({ idleTimeout: "1s" }),
  MeshTrace: { targetRef: mesh, default: { backends: [{ type: "Zipkin", zipkin: { url: "http://a:9411/spans" } }] } },
  MeshTrafficPermission: from({ action: "Allow" }),
};

function pathOf({ type }: Document): string {
  const kind = kinds.find((each) => each.type === type)!;
  return kind.scope === "mesh" ? `/meshes/default/${kind.path}/x` : `/${kind.path}/x`;
}

const writable = kinds.filter(({ path, readOnly }) => path !== "" && !readOnly);
const documentOf = (type: string): Document => documents.get(type) ?? { type, mesh: "default", name: "x", ...{ spec: specs[type] } };

test("the documents to begin with are valid", async () => {
  const [global, zone] = [await planeWithMesh(), await zoneWithMesh()];
  const outcomes: string[] = [];
  for (const { type, writableOn } of writable) {
    const document = documentOf(type);
    const labelled = writableOn.global ? document : { ...document, labels: { "kuma.io/origin": "zone" } };
    const { status, text } = await (writableOn.global ? global : zone).request(`PUT ${pathOf(document)}`, labelled);
    outcomes.push(`${type} ${status === 201 ? "" : text}`.trim());
  }
  expect(outcomes).toEqual(writable.map(({ type }) => type));
});

/** State of everything a request may change. */
const stateOf = (plane: Plane) => `${plane.config.state.checksum()} ${JSON.stringify([...plane.zoneStore.all()])}`;

async function attack(plane: Plane, type: string, seed: number): Promise<{ refused: number; accepted: number }> {
  const random = seededRandom(seed);
  const document = documentOf(type);
  const counts = { refused: 0, accepted: 0 };
  let state = stateOf(plane);
  for (let i = 0; i < bodiesPerRoute; i++) {
    const body = mutate(document, random);
    const { status, text } = await plane.request(`PUT ${pathOf(document)}`, body);
    const shown = () => `${type} body ${i}: ${status} ${text.slice(0, 500)}\n${body.toString().slice(0, 2_000)}`;
    expect(status, shown()).toBeLessThan(500);
    expect(text, shown()).not.toMatch(new RegExp(`${hidden}|${marker}|PRIVATE KEY`));
    const now = stateOf(plane);
    if (status === 200 || status === 201) counts.accepted++;
    else {
      counts.refused++;
      expect(status, shown()).toBeGreaterThanOrEqual(400);
      expect(now, shown()).toBe(state);
    }
    state = now;
  }
  expect(plane.errors).toEqual([]);
  return counts;
}

async function zoneWithMesh(): Promise<Plane> {
  const plane = createPlane({ settings: { mode: "zone", zone: "east" } });
  const mesh = { type: "Mesh", mesh: "", name: "default", spec: {} };
  await plane.config.submit({ id: "1", at: time, author: "x", expect: [], changes: [{ op: "put", resource: mesh }] });
  return plane;
}

test.each(writable.map(({ type }, index) => [type, index] as const))(
  "%s: 300 mutated bodies, no 500, no change by what is refused, no secret shown",
  async (type, seed) => {
    const global = await planeWithMesh();
    await global.request("PUT /meshes/default/secrets/kept", { type: "Secret", mesh: "default", name: "kept", data: hidden });
    const kind = writable.find((each) => each.type === type)!;
    const counts = await attack(global, type, seed);
    expect(counts.refused).toBeGreaterThan(kind.writableOn.global ? 50 : bodiesPerRoute - 1);
    if (kind.writableOn.zone && !["Secret", "GlobalSecret", "MeshGateway", "Zone"].includes(type)) {
      expect((await attack(await zoneWithMesh(), type, seed + 1_000)).refused).toBeGreaterThan(50);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  },
);

test("change sets, rollbacks and token requests stand the same", async () => {
  const random = seededRandom(7);
  const plane = await planeWithMesh();
  const bodies: [string, unknown][] = [
    [
      "POST /changes",
      { resources: [documentOf("Timeout")], delete: [{ type: "Mesh", name: "no" }], expect: { "Timeout/default/x": null }, reason: "r" },
    ],
    ["POST /revisions/1/rollback", { reason: "r" }],
    ["POST /tokens/dataplane", { name: "a", mesh: "default", tags: { a: ["b"] }, type: "dataplane", validFor: "1h" }],
    ["POST /tokens/zone", { zone: "a", scope: ["cp"], validFor: "1h" }],
    ["POST /tokens/user", { name: "a", groups: ["b"], validFor: "1h" }],
  ];
  for (const [line, valid] of bodies) {
    for (let i = 0; i < bodiesPerRoute; i++) {
      const state = stateOf(plane);
      const body = mutate(valid, random);
      const { status, text } = await plane.request(line, body);
      expect(status, `${line} ${status} ${text.slice(0, 500)}\n${body.toString().slice(0, 2_000)}`).toBeLessThan(500);
      if (status >= 400) expect(stateOf(plane)).toBe(state);
    }
  }
  expect(plane.errors).toEqual([]);
}, 60_000);
