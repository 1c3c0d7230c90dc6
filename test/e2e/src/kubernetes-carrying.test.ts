import { writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ready } from "@atoll/demo/service";
import { ClusterDouble, serveCluster, type ServedCluster } from "@atoll/cluster-double";
import { clusterKinds, requireResourceKind } from "@atoll/kubernetes";
import { eventually } from "@atoll/testkit/eventually";
import { type StartedProcess, startProcess } from "@atoll/testkit/process";
import { stringify } from "yaml";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rest } from "./rest.ts";
import { TestStack } from "./test-stack.ts";

// Objects and resources, of real services on a double of the API server. The tests build on each other.
const base = 17_600;
const binary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));
const systemNamespace = "kuma-system";
const kindOf = requireResourceKind;
let atoll: TestStack;
const clusters = { global: new ClusterDouble(), east: new ClusterDouble() };
const served: ServedCluster[] = [];
const services = new Map<string, StartedProcess>();

beforeAll(async () => {
  atoll = await TestStack.start(base, { zones: ["east"] });
  for (const cluster of Object.values(clusters)) {
    cluster.put(clusterKinds.namespace, { metadata: { name: systemNamespace } });
    cluster.put(clusterKinds.namespace, { metadata: { name: "shop", labels: { "kuma.io/sidecar-injection": "enabled" } } });
    served.push(await serveCluster(cluster));
  }
  const service = { name: "kuma-control-plane", namespace: systemNamespace, path: "/default-kuma-io-v1alpha1-mesh" };
  const webhooks = [{ name: "mesh.defaulter.kuma-admission.kuma.io", clientConfig: { service } }];
  clusters.east.put(clusterKinds.mutatingWebhookConfiguration, { metadata: { name: "kuma-admission-mutating" }, webhooks });
  await startService("global");
  await startService("east");
}, 120_000);

afterAll(async () => {
  for (const service of services.values()) await service.stop(8_000);
  for (const server of served) await server.close();
  await atoll?.close();
}, 60_000);

async function startService(name: keyof typeof clusters): Promise<void> {
  const { stack } = atoll;
  const index = Object.keys(clusters).indexOf(name);
  const kubeconfig = join(stack.workDir, `${name}.kubeconfig`);
  const entries = { clusters: [{ name: "c", cluster: { server: served[index]!.url } }], users: [{ name: "u", user: {} }] };
  const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
  writeFileSync(kubeconfig, stringify({ ...entries, contexts, "current-context": "x" }));
  const diagnostics = atoll.port(index);
  const zone = stack.zones["east"]!;
  const started = await startProcess(binary, ["run", "kubernetes"], {
    env: {
      ATOLL_RUNTIME_KUBERNETES_KUBECONFIG: kubeconfig,
      ATOLL_RUNTIME_KUBERNETES_ADMISSION_SERVER_PORT: String(name === "east" ? atoll.port(5) : 0),
      ATOLL_DIAGNOSTICS_SERVER_PORT: String(diagnostics),
      ATOLL_MODE: name === "global" ? "global" : "zone",
      ATOLL_GENERAL_WORK_DIR: join(stack.workDir, "global"),
      ATOLL_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${stack.ports.kds}`,
      ATOLL_GLOBAL_API_URL: stack.url,
      ATOLL_MULTIZONE_ZONE_NAME: "east",
      ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${stack.ports.kds}`,
      ATOLL_MULTIZONE_ZONE_TOKEN_FILE: join(stack.workDir, "zone-east", "zone-token"),
      ATOLL_ZONE_ADDRESS: `grpcs://127.0.0.1:${zone.ports.relay}`,
      ATOLL_ZONE_ROOT_CA_FILE: join(stack.workDir, "zone-east", "tls.crt"),
      ATOLL_ZONE_API_URL: zone.url,
    },
  });
  services.set(name, started);
  await ready(`kubernetes of ${name}`, started, `http://127.0.0.1:${diagnostics}/readyz`);
}

/** Waits until the checks hold. */
const settled = (checks: () => void | Promise<void>): Promise<true> =>
  eventually(
    async () => {
      await checks();
      return true as const;
    },
    { limitMs: 30_000, everyMs: 50 },
  );
const onGlobal = (path: string) => atoll.call(path);
const inZone = (path: string) => rest(atoll.zone("east").url + path);
const timeout = (idleTimeout: string) => ({ targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout } }] });
const objects = (cluster: ClusterDouble, type: string) =>
  cluster.all(kindOf(type)).map(({ metadata: { namespace, name } }) => (namespace === undefined ? name : `${namespace}/${name}`));

test("what global makes itself becomes objects, under the names that objects have, and the log knows them by these", async () => {
  const policies = ["mesh-gateways-timeout-all-default", "mesh-timeout-all-default"];
  await settled(() => {
    expect(objects(clusters.global, "Mesh")).toEqual(["default"]);
    expect(objects(clusters.global, "MeshTimeout").sort()).toEqual(policies.map((name) => `${systemNamespace}/${name}`));
    const secrets = clusters.global.all(clusterKinds.secret).map(({ metadata }) => metadata.name);
    expect(secrets).toContain("dataplane-token-signing-key-default-1");
    expect(secrets).toContain("admin-user-token");
  });
  await settled(async () => {
    const { items } = (await onGlobal("/meshes/default/meshtimeouts")).json<{ items: { name: string; labels: object }[] }>();
    expect(items.map(({ name }) => name)).toEqual(policies.map((name) => `${name}.${systemNamespace}`));
    expect(items[0]!.labels).toMatchObject({ "kuma.io/env": "kubernetes", "k8s.kuma.io/namespace": systemNamespace });
  });
  const policy = clusters.global.find(kindOf("MeshTimeout"), { namespace: systemNamespace, name: policies[0]! })!;
  const mesh = clusters.global.find(kindOf("Mesh"), { name: "default" })!;
  expect(policy.metadata.ownerReferences).toEqual([
    { apiVersion: "kuma.io/v1alpha1", kind: "Mesh", name: "default", uid: mesh.metadata.uid },
  ]);
});

test("objects of global become configuration, and copies in the cluster of a zone; both go with the object", async () => {
  clusters.global.put(kindOf("Mesh"), { metadata: { name: "shop" }, spec: {} });
  clusters.global.put(kindOf("TrafficLog"), {
    metadata: { name: "all" },
    mesh: "shop",
    spec: { sources: [{ match: { "kuma.io/service": "*" } }], destinations: [{ match: { "kuma.io/service": "*" } }] },
  });
  clusters.global.put(kindOf("MeshTimeout"), {
    metadata: { name: "slow", namespace: systemNamespace, labels: { "kuma.io/mesh": "shop" } },
    spec: timeout("20s"),
  });
  await settled(async () => {
    expect((await onGlobal("/meshes/shop/traffic-logs/all")).status).toBe(200);
    expect((await onGlobal(`/meshes/shop/meshtimeouts/slow.${systemNamespace}`)).json<{ spec: unknown }>().spec).toEqual(timeout("20s"));
  });
  clusters.global.put(kindOf("MeshTimeout"), {
    metadata: { name: "slow", namespace: systemNamespace, labels: { "kuma.io/mesh": "shop" } },
    spec: timeout("21s"),
  });
  await settled(async () => {
    expect((await onGlobal(`/meshes/shop/meshtimeouts/slow.${systemNamespace}`)).json<{ spec: unknown }>().spec).toEqual(timeout("21s"));
  });
  const copyOf = () => clusters.east.all(kindOf("MeshTimeout")).find(({ metadata }) => metadata.name.startsWith("slow-"));
  await settled(() => {
    expect(objects(clusters.east, "Mesh")).toContain("shop");
    expect(copyOf()?.metadata).toMatchObject({
      namespace: systemNamespace,
      labels: { "kuma.io/origin": "global", "kuma.io/mesh": "shop", "k8s.kuma.io/namespace": systemNamespace },
      annotations: { "kuma.io/display-name": "slow" },
    });
    expect(clusters.east.all(kindOf("TrafficLog"))[0]).toMatchObject({ mesh: "shop" });
  });
  clusters.global.remove(kindOf("MeshTimeout"), { namespace: systemNamespace, name: "slow" });
  await settled(async () => {
    expect((await onGlobal(`/meshes/shop/meshtimeouts/slow.${systemNamespace}`)).status).toBe(404);
    expect(copyOf()).toBeUndefined();
  });
  // Written once for each change of the object, and no more.
  const { items } = (await onGlobal("/revisions?size=1000")).json<{
    items: { accepted: boolean; changes: { op: string; key: string }[] }[];
  }>();
  const changes = items.flatMap(({ accepted, changes: all }) => (accepted ? all : []));
  const ofSlow = changes.filter(({ key }) => key === `MeshTimeout/shop/slow.${systemNamespace}`);
  expect(ofSlow.map(({ op }) => op)).toEqual(["put", "put", "delete"]);
});

test("what the log refuses is told as an event on the object, and taken once it may be", async () => {
  clusters.global.put(kindOf("MeshRetry"), {
    metadata: { name: "early", namespace: systemNamespace, labels: { "kuma.io/mesh": "later" } },
    spec: { targetRef: { kind: "Mesh" }, to: [{ targetRef: { kind: "Mesh" }, default: { tcp: { maxConnectAttempt: 2 } } }] },
  });
  await settled(() => {
    const event = clusters.global
      .all(clusterKinds.event)
      .find(({ involvedObject }) => (involvedObject as { name: string }).name === "early");
    expect(event).toMatchObject({ type: "Warning", reason: "Refused" });
  });
  clusters.global.put(kindOf("Mesh"), { metadata: { name: "later" }, spec: {} });
  await settled(async () => expect((await onGlobal(`/meshes/later/meshretries/early.${systemNamespace}`)).status).toBe(200));
});

test("an object that a roll-out is in the way of is taken when that has ended", async () => {
  const path = `/meshes/later/meshretries/early.${systemNamespace}`;
  const retries = (maxConnectAttempt: number) => ({
    targetRef: { kind: "Mesh" },
    to: [{ targetRef: { kind: "Mesh" }, default: { tcp: { maxConnectAttempt } } }],
  });
  const post = (to: string, body: object) =>
    atoll.call(to, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const resources = [{ type: "MeshRetry", mesh: "later", name: `early.${systemNamespace}`, spec: retries(9) }];
  const begun = await post("/rollouts", { name: "staged", resources, stages: [{ zones: ["east"], gate: { minTime: "10m" } }] });
  expect([begun.status, begun.text]).toEqual([201, expect.stringContaining("stage 1 of 1")]);
  clusters.global.put(kindOf("MeshRetry"), {
    metadata: { name: "early", namespace: systemNamespace, labels: { "kuma.io/mesh": "later" } },
    spec: retries(3),
  });
  // As often as it is tried meanwhile.
  await settled(async () => {
    const { text } = await rest(`http://127.0.0.1:${atoll.stack.ports.diagnostics}/metrics`);
    expect(text).toMatch(/atoll_http_request_seconds_count\{method="PUT",route="[^"]*meshretries[^"]*",status="409"\} [1-9]/);
  });
  expect((await onGlobal(path)).json<{ spec: unknown }>().spec).toEqual(retries(2));
  expect((await post("/rollouts/staged/abort", {})).status).toBe(200);
  await settled(async () => expect((await onGlobal(path)).json<{ spec: unknown }>().spec).toEqual(retries(3)));
});

test("a Dataplane of a zone's cluster serves the zone, is an object at global under its synced name, and goes everywhere with its object", async () => {
  const key = { namespace: "shop", name: "web-0" };
  clusters.east.put(kindOf("Dataplane"), {
    metadata: key,
    mesh: "shop",
    spec: { networking: { address: "10.0.0.7", inbound: [{ port: 80, tags: { "kuma.io/service": "web_shop_svc_80" } }] } },
  });
  await settled(async () => {
    const { labels } = (await inZone("/meshes/shop/dataplanes/web-0.shop")).json<{ labels: object }>();
    expect(labels).toMatchObject({ "k8s.kuma.io/namespace": "shop", "kuma.io/display-name": "web-0", "kuma.io/zone": "east" });
  });
  await settled(() => {
    const copy = clusters.global.all(kindOf("Dataplane"))[0];
    expect(copy?.metadata).toMatchObject({ namespace: systemNamespace, labels: { "kuma.io/origin": "zone", "kuma.io/zone": "east" } });
    expect(copy?.metadata.name).toMatch(/^web-0-[b-z0-9]{16}$/);
  });
  clusters.east.remove(kindOf("Dataplane"), key);
  await settled(async () => {
    expect((await inZone("/meshes/shop/dataplanes/web-0.shop")).status).toBe(404);
    expect(objects(clusters.global, "Dataplane")).toEqual([]);
  });
});

test("a pod with a proxy is a Dataplane of the mesh, by its Services, for as long as it runs", async () => {
  const [namespace, labels] = ["shop", { app: "cart" }];
  clusters.east.put(clusterKinds.service, {
    metadata: { name: "cart", namespace },
    spec: { selector: labels, clusterIP: "10.96.0.9", ports: [{ port: 80, targetPort: 8080, protocol: "TCP" }] },
  });
  const annotations = { "kuma.io/sidecar-injected": "true", "kuma.io/mesh": "shop" };
  clusters.east.put(clusterKinds.pod, {
    metadata: { name: "cart-0", namespace, labels: { ...labels, "kuma.io/mesh": "shop" }, annotations },
    spec: { containers: [{ name: "app" }, { name: "kuma-sidecar" }] },
    status: { phase: "Running", podIP: "10.1.0.9", containerStatuses: ["app", "kuma-sidecar"].map((name) => ({ name, ready: true })) },
  });
  await settled(async () => {
    const dataplane = clusters.east.find(kindOf("Dataplane"), { namespace, name: "cart-0" });
    expect(dataplane?.metadata.ownerReferences?.[0]).toMatchObject({ kind: "Pod", name: "cart-0", controller: true });
    const answer = await inZone("/meshes/shop/dataplanes/cart-0.shop");
    expect(answer.json<object>()).toMatchObject({
      networking: {
        address: "10.1.0.9",
        inbound: [{ port: 8080, tags: { "kuma.io/service": "cart_shop_svc_80", "kuma.io/zone": "east" } }],
      },
    });
  });
  clusters.east.remove(clusterKinds.pod, { namespace, name: "cart-0" });
  await settled(async () => {
    expect(clusters.east.find(kindOf("Dataplane"), { namespace, name: "cart-0" })).toBeUndefined();
    expect((await inZone("/meshes/shop/dataplanes/cart-0.shop")).status).toBe(404);
  });
});

test("webhooks answer with a certificate of their own, which the API server is told to trust", async () => {
  const configuration = () => clusters.east.find(clusterKinds.mutatingWebhookConfiguration, { name: "kuma-admission-mutating" });
  const caOf = () => (configuration()!["webhooks"] as { clientConfig: { caBundle?: string } }[])[0]!.clientConfig.caBundle;
  await settled(() => expect(caOf()).toBeDefined());
  const object = {
    apiVersion: "kuma.io/v1alpha1",
    kind: "MeshTimeout",
    metadata: { name: "slow", namespace: "shop", labels: { "kuma.io/mesh": "shop" } },
    spec: timeout("20s"),
  };
  const asked = { uid: "7", kind: { group: "kuma.io", version: "v1alpha1", kind: "MeshTimeout" }, namespace: "shop", operation: "CREATE" };
  const review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { ...asked, userInfo: { username: "jane" }, object },
  };
  const answer = await new Promise<string>((resolve, reject) => {
    const asking = httpsRequest(
      {
        host: "127.0.0.1",
        port: atoll.port(5),
        path: "/default-kuma-io-v1alpha1-mesh",
        method: "POST",
        ca: Buffer.from(caOf()!, "base64"),
        // As the API server asks a Service.
        servername: `kuma-control-plane.${systemNamespace}.svc`,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve(text));
      },
    );
    asking.on("error", reject);
    asking.end(JSON.stringify(review));
  });
  const { response } = JSON.parse(answer) as { response: { uid: string; allowed: boolean; patch: string } };
  expect(response).toMatchObject({ uid: "7", allowed: true, patchType: "JSONPatch" });
  expect(JSON.parse(Buffer.from(response.patch, "base64").toString("utf8"))).toContainEqual({
    op: "add",
    path: "/metadata/labels/kuma.io~1policy-role",
    value: "consumer",
  });
});

test("a restart writes nothing, into neither, and finds what went while nobody looked", async () => {
  const { namespace, name } = { namespace: systemNamespace, name: "kept" };
  for (const each of [name, "lost"]) {
    clusters.global.put(kindOf("MeshTimeout"), {
      metadata: { name: each, namespace, labels: { "kuma.io/mesh": "shop" } },
      spec: timeout("9s"),
    });
  }
  await settled(async () => {
    for (const each of [name, "lost"]) expect((await onGlobal(`/meshes/shop/meshtimeouts/${each}.${namespace}`)).status).toBe(200);
    expect(objects(clusters.east, "MeshTimeout").filter((one) => /\/(kept|lost)-/.test(one))).toHaveLength(2);
  });
  for (const each of ["global", "east"] as const) {
    services.get(each)!.signal("SIGKILL");
    await services.get(each)!.exited;
  }
  clusters.global.remove(kindOf("MeshTimeout"), { namespace, name: "lost" });
  const before = (await atoll.replica("global")).revision;
  for (const cluster of Object.values(clusters)) cluster.calls.length = 0;
  await startService("global");
  await startService("east");
  await settled(async () => expect((await onGlobal(`/meshes/shop/meshtimeouts/lost.${namespace}`)).status).toBe(404));
  await settled(() => expect(objects(clusters.east, "MeshTimeout").filter((one) => one.includes("lost-"))).toEqual([]));
  expect((await atoll.replica("global")).revision).toBe(before + 1);
  const writes = Object.values(clusters).map(({ writes: all }) =>
    all.filter((call) => !call.includes("leases") && !call.includes("events")),
  );
  expect(writes[0]).toEqual([]);
  expect(writes[1]).toHaveLength(1);
  expect(writes[1]![0]).toMatch(/^delete meshtimeouts.kuma.io kuma-system\/lost-/);
});
