import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "./cluster.ts";
import { HostZone } from "./host-zone.ts";
import { generateToken, installControlPlane, installZone, rolledOut, systemNamespace } from "./install.ts";
import { patient, startTestCluster } from "./test-cluster.ts";
import { askFrom, workloadDocuments, type Workload } from "./workload.ts";

// Global on one cluster, zone `east` on another, and zone `west` on a host beside the first: one mesh, with mutual TLS and by the zones' egresses.

let global: Cluster;
let east: Cluster;
let west: HostZone;
const client: Workload = { name: "client", namespace: "shop" };
const server: Workload = { name: "server", namespace: "shop" };
const ports = { backend: 8_081, application: 8_088, server: 8_090, outside: 8_099 };

const allow = (action: string): string => `
apiVersion: kuma.io/v1alpha1
kind: MeshTrafficPermission
metadata: { name: all, namespace: ${systemNamespace}, labels: { kuma.io/mesh: default } }
spec: { targetRef: { kind: Mesh }, from: [{ targetRef: { kind: Mesh }, default: { action: ${action} } }] }
`;
const answers = (url: string, status: number, text: string | RegExp): Promise<true> =>
  eventually(async () => {
    expect(await askFrom(east, client, url)).toMatchObject({ status, text: expect.stringMatching(text) });
    return true as const;
  }, patient);

beforeAll(async () => {
  [global, east] = await Promise.all([startTestCluster(1), startTestCluster(2)]);
  await global.join(east);
  await installControlPlane(global, "--mode=global");
  // Global makes this one itself.
  await eventually(() => global.get("mesh", "default"), patient);
  await global.apply(`
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { mtls: { enabledBackend: ca-1, backends: [{ name: ca-1, type: builtin }] }, routing: { zoneEgress: true } }
---
${allow("Allow")}`);
  const service = await global.get<{ status: { loadBalancer: { ingress: [{ ip: string }] } } }>(
    ...["service", "kuma-global-zone-sync", "--namespace", systemNamespace],
  );
  const globalAddress = `grpcs://${service.status.loadBalancer.ingress[0].ip}:5685`;
  const zoneToken = (zone: string, scope: string) => generateToken(global, "zone-token", "--zone", zone, "--scope", scope);
  const ofEast = { name: "east", token: await zoneToken("east", "cp"), globalAddress };
  await installZone(east, ofEast, "--ingress-enabled", "--egress-enabled");
  await east.apply("{ apiVersion: v1, kind: Namespace, metadata: { name: shop, labels: { kuma.io/sidecar-injection: enabled } } }");
  await east.apply([client, server].map(workloadDocuments).join("\n---\n"));
  west = await HostZone.start(global, {
    name: "west",
    globalAddress,
    tokens: {
      zone: await zoneToken("west", "cp"),
      zoneProxies: await zoneToken("west", "ingress,egress"),
      dataplanes: await generateToken(global, "dataplane-token", "--mesh", "default"),
    },
  });
  await west.application("backend", ports.application);
  await west.application("outside", ports.outside);
  const { address } = west;
  const tags = { "kuma.io/service": "backend", "kuma.io/protocol": "http" };
  const networking = {
    address,
    inbound: [{ port: ports.backend, servicePort: ports.application, serviceAddress: "127.0.0.1", tags }],
    outbound: [{ port: ports.server, tags: { "kuma.io/service": "server_shop_svc_80" } }],
  };
  await west.sidecar({ name: "backend-1", networking });
  await rolledOut(east, "shop");
}, 300_000);
afterAll(async () => {
  await west?.stop();
  await Promise.all([global?.stop(), east?.stop()]);
}, 60_000);

test("global shows both zones and their proxies by kubectl", async () => {
  const namesOf = async (kind: string) => {
    const { items } = await global.get<{ items: { metadata: { labels: Record<string, string>; annotations: Record<string, string> } }[] }>(
      kind,
      "--all-namespaces",
    );
    return items.map(({ metadata }) => `${metadata.labels["kuma.io/zone"]} ${metadata.annotations["kuma.io/display-name"]}`).toSorted();
  };
  await eventually(async () => {
    expect((await namesOf("dataplanes")).map((name) => name.replace(/-[a-z0-9]+-[a-z0-9]+$/, ""))).toEqual([
      "east client",
      "east server",
      "west backend-1",
    ]);
    expect((await namesOf("zoneingresses")).map((name) => name.split(" ")[0])).toEqual(["east", "west"]);
    expect((await namesOf("zoneegresses")).map((name) => name.split(" ")[0])).toEqual(["east", "west"]);
    return true;
  }, patient);
});

test("a pod calls a service of the other zone, through its egress and the other's ingress", () =>
  answers("http://backend.mesh:80", 200, /^backend$/));

test("a host calls a pod of the other zone", () =>
  eventually(async () => {
    const { status, text } = await west.ask(ports.server);
    expect({ status, pod: (JSON.parse(text) as { pod: string }).pod }).toMatchObject({
      status: 200,
      pod: expect.stringMatching(/^server-/),
    });
    return true;
  }, patient));

test("what kubectl applies to global holds in both zones", async () => {
  await global.apply(allow("Deny"));
  await answers("http://backend.mesh:80", 403, /RBAC/);
  await answers("http://server.shop.svc.cluster.local", 403, /RBAC/);
  await global.apply(allow("Allow"));
  await answers("http://backend.mesh:80", 200, /^backend$/);
  await answers("http://server.shop.svc.cluster.local", 200, /"pod"/);
});

test("a service outside of the mesh is reached through the zone's egress", async () => {
  await global.apply(`
apiVersion: kuma.io/v1alpha1
kind: MeshExternalService
metadata: { name: outside, namespace: ${systemNamespace}, labels: { kuma.io/mesh: default } }
spec:
  match: { port: ${ports.outside}, protocol: http }
  endpoints: [{ address: ${west.address}, port: ${ports.outside} }]
`);
  await answers(`http://outside.extsvc.mesh.local:${ports.outside}`, 200, /^outside$/);
});

test("the zone goes on without global, and hears of what was applied meanwhile", async () => {
  const scale = (replicas: number) =>
    global.kubectl("--namespace", systemNamespace, "scale", "deployment/kuma-control-plane", `--replicas=${replicas}`);
  await scale(0);
  await eventually(
    async () => (await global.get<{ items: unknown[] }>("pods", "--namespace", systemNamespace)).items.length === 0,
    patient,
  );
  await answers("http://backend.mesh:80", 200, /^backend$/);
  await scale(1);
  await rolledOut(global, systemNamespace);
  await global.apply(allow("Deny"));
  await answers("http://backend.mesh:80", 403, /RBAC/);
  await global.apply(allow("Allow"));
  await answers("http://backend.mesh:80", 200, /^backend$/);
});
