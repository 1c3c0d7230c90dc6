import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "./cluster.ts";
import { imageNames } from "./images.ts";
import { installControlPlane, rolledOut, systemNamespace } from "./install.ts";
import { patient, startTestCluster } from "./test-cluster.ts";
import { askFrom, workloadDocuments, type Workload } from "./workload.ts";

// A zone alone on a cluster of its own, as `atollctl install control-plane` makes it.

let cluster: Cluster;
const client: Workload = { name: "client", namespace: "shop" };
const server: Workload = { name: "server", namespace: "shop", replicas: 2 };
const outside: Workload = { name: "outside", namespace: "default" };

beforeAll(async () => {
  cluster = await startTestCluster();
  await installControlPlane(cluster, "--egress-enabled", "--ingress-enabled");
});
afterAll(() => cluster?.stop());

test("the proxies of the zone are resources with the addresses of their Services", async () => {
  const [ingress] = (
    await cluster.get<{ items: { spec: { networking: { advertisedAddress: string } } }[] }>("zoneingresses", "--namespace", systemNamespace)
  ).items;
  expect(ingress!.spec.networking).toMatchObject({ port: 10_001, advertisedPort: 10_001 });
  expect(ingress!.spec.networking.advertisedAddress).toMatch(/^10\.1\.254\./);
  const { items } = await cluster.get<{ items: unknown[] }>("zoneegresses", "--namespace", systemNamespace);
  expect(items).toHaveLength(1);
});

test("pods of a namespace that asks for them have sidecars, and a Dataplane each", async () => {
  await cluster.apply("{ apiVersion: v1, kind: Namespace, metadata: { name: shop, labels: { kuma.io/sidecar-injection: enabled } } }");
  await cluster.apply([client, server, outside].map(workloadDocuments).join("\n---\n"));
  await rolledOut(cluster, "shop");
  await rolledOut(cluster, "default");
  const { items } = await cluster.get<{ items: { spec: { containers: { name: string }[] } }[] }>("pods", "--namespace", "shop");
  for (const { spec } of items) expect(spec.containers.map(({ name }) => name).toSorted()).toEqual(["app", "kuma-sidecar"]);
  const dataplanes = await cluster.get<{ items: unknown[] }>("dataplanes", "--namespace", "shop");
  expect(dataplanes.items).toHaveLength(3);
});

test("a pod calls another through both sidecars, by its Service and by its name in the mesh", async () => {
  for (const url of ["http://server.shop.svc.cluster.local", "http://server.shop.svc.80.mesh"]) {
    const answer = await eventually(async () => {
      const asked = await askFrom(cluster, client, url);
      return asked.status === 200 ? asked : undefined;
    }, patient);
    // An Envoy was in between.
    expect(JSON.parse(answer.text!).headers).toHaveProperty("x-request-id");
  }
});

test("with mutual TLS a pod outside of the mesh is not let in, and those within go on", async () => {
  expect(await askFrom(cluster, outside, "http://server.shop.svc.cluster.local")).toMatchObject({ status: 200 });
  await cluster.apply(`
apiVersion: kuma.io/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { mtls: { enabledBackend: ca-1, backends: [{ name: ca-1, type: builtin }] } }
---
apiVersion: kuma.io/v1alpha1
kind: MeshTrafficPermission
metadata: { name: all, namespace: ${systemNamespace}, labels: { kuma.io/mesh: default } }
spec: { targetRef: { kind: Mesh }, from: [{ targetRef: { kind: Mesh }, default: { action: Allow } }] }
`);
  await eventually(async () => (await askFrom(cluster, outside, "http://server.shop.svc.cluster.local")).status === undefined, patient);
  await eventually(async () => (await askFrom(cluster, client, "http://server.shop.svc.cluster.local")).status === 200, patient);
});

test("a pod of another ServiceAccount cannot take an identity", async () => {
  interface Pod {
    metadata: { name: string };
    spec: { containers: { name: string; env?: { name: string; value?: string }[] }[] };
  }
  const [owner] = (await cluster.get<{ items: Pod[] }>("pods", "--namespace", "shop", "--selector=app=server")).items;
  const sidecar = owner!.spec.containers.find(({ name }) => name === "kuma-sidecar")!;
  const authority = sidecar.env!.find(({ name }) => name === "KUMA_CONTROL_PLANE_CA_CERT")!;
  const token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
  const flags = [`--name=${owner!.metadata.name}.shop`, "--mesh=default", `--dataplane-token-file=${token}`, "--dns-enabled=false"];
  const thief = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "thief", namespace: "shop", labels: { "kuma.io/sidecar-injection": "disabled" } },
    spec: {
      serviceAccountName: "thief",
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "proxy",
          image: imageNames.dataplane,
          args: ["run", `--cp-address=https://kuma-control-plane.${systemNamespace}:5678`, ...flags],
          env: [authority],
        },
      ],
    },
  };
  await cluster.apply("{ apiVersion: v1, kind: ServiceAccount, metadata: { name: thief, namespace: shop } }");
  await cluster.apply(JSON.stringify(thief));
  await eventually(async () => /authentication/.test(await cluster.kubectl("--namespace", "shop", "logs", "thief")), patient);
  expect(await cluster.kubectl("--namespace", "shop", "logs", "thief")).not.toMatch(/lds: add\/update listener/);
  await cluster.kubectl("--namespace", "shop", "delete", "pod", "thief");
});

test("a job ends, and its sidecar with it", async () => {
  await cluster.apply(`
apiVersion: batch/v1
kind: Job
metadata: { name: once, namespace: shop }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: app, image: ${imageNames.workload}, command: [node, -e, "console.log(1)"] }]
`);
  await cluster.kubectl("--namespace", "shop", "wait", "job/once", "--for=condition=complete", "--timeout=90s");
});

test("control plane, API server and etcd are killed: pods go on, and what is new arrives", async () => {
  await cluster.run([
    "kubectl",
    "--namespace",
    systemNamespace,
    "delete",
    "pod",
    "--selector=app=kuma-control-plane",
    "--grace-period=0",
    "--force",
  ]);
  expect(await askFrom(cluster, client, "http://server.shop.svc.cluster.local")).toMatchObject({ status: 200 });
  await rolledOut(cluster, systemNamespace);
  for (const part of ["etcd", "kube-apiserver"]) await cluster.kill(part);
  await eventually(() => cluster.kubectl("get", "nodes"), patient);
  await eventually(() => cluster.kubectl("--namespace", "shop", "scale", "deployment/server", "--replicas=3"), patient);
  await rolledOut(cluster, "shop");
  await eventually(async () => (await cluster.get<{ items: unknown[] }>("dataplanes", "--namespace", "shop")).items.length === 4, patient);
});
