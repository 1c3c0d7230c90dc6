import { join } from "node:path";
import { AnnotationError, type KubernetesObject } from "@atoll/kubernetes";
import { golden } from "@atoll/testkit";
import { expect, test } from "vitest";
import { gatewayInstanceController } from "../src/gateway-instances/gateway-instance-controller.ts";
import { clusterOf } from "./cluster-of.ts";

const controller = gatewayInstanceController({
  now: () => new Date("2026-11-30T12:00:00Z"),
  // What injection makes of sidecars is tested where it is made; here counts what becomes of it.
  proxyContainer(annotations, mesh) {
    const concurrency = annotations["kuma.io/sidecar-proxy-concurrency"] ?? "2";
    if (!/^\d+$/.test(concurrency)) throw new AnnotationError(`failed to parse annotation "kuma.io/sidecar-proxy-concurrency"`);
    return {
      image: "registry.example/atoll-dp:1",
      args: ["run", `--concurrency=${concurrency}`],
      env: [
        { name: "KUMA_DATAPLANE_DRAIN_TIME", value: annotations["kuma.io/sidecar-drain-time"] ?? "30s" },
        { name: "KUMA_DATAPLANE_MESH", value: mesh },
      ],
      resources: { limits: { memory: "512Mi" } },
      securityContext: { runAsUser: 5678, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    };
  },
});

/** Cases reconcile every MeshGatewayInstance of their objects. */
golden(join(import.meta.dirname, "../testdata/gateway-instances"), ({ objects }: { objects: KubernetesObject[] }) => {
  const cluster = clusterOf(objects);
  const desired = objects.filter(({ kind }) => kind === "MeshGatewayInstance").map((instance) => controller.reconcile(instance, cluster));
  return { "desired.yaml": desired };
});

const instance = (name: string, tags?: Record<string, string>): KubernetesObject => ({
  apiVersion: "kuma.io/v1alpha1",
  kind: "MeshGatewayInstance",
  metadata: { name, namespace: "demo", uid: `uid-${name}` },
  spec: tags ? { tags } : {},
});

const gateway = (...matches: Record<string, string>[]): KubernetesObject => ({
  apiVersion: "kuma.io/v1alpha1",
  kind: "MeshGateway",
  metadata: { name: "edge" },
  mesh: "default",
  spec: { selectors: matches.map((match) => ({ match })), conf: { listeners: [{ port: 80, protocol: "HTTP" }] } },
});

test("a MeshGateway concerns the instances whose tags it selects", () => {
  const cluster = clusterOf([instance("edge"), instance("inner", { team: "a" }), instance("other", { team: "b" })]);
  const [watch] = controller.watches;
  const concerned = (changed: KubernetesObject) => [...watch!.concerns(changed, cluster)].map(({ name }) => name);
  expect(concerned(gateway({ "kuma.io/service": "edge_demo_svc" }))).toEqual(["edge"]);
  expect(concerned(gateway({ "kuma.io/service": "*", team: "a" }))).toEqual(["inner"]);
  expect(concerned(gateway({ team: "b" }, { "kuma.io/service": "edge_demo_svc" }))).toEqual(["other", "edge"]);
  expect(concerned(gateway({ "kuma.io/service": "edge_elsewhere_svc" }))).toEqual([]);
});

test("what belongs to an instance is known by its controller reference alone", () => {
  const [service] = controller.owns;
  const child = (ownerReferences: KubernetesObject["metadata"]["ownerReferences"]): KubernetesObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "edge", namespace: "demo", ...(ownerReferences && { ownerReferences }) },
  });
  const reference = { apiVersion: "kuma.io/v1alpha1", kind: "MeshGatewayInstance", name: "edge", uid: "1" };
  expect(service!.ownerOf(child([{ ...reference, controller: true }]))).toEqual({ namespace: "demo", name: "edge" });
  expect(service!.ownerOf(child([reference]))).toBeUndefined();
  expect(service!.ownerOf(child([{ ...reference, kind: "Gateway", controller: true }]))).toBeUndefined();
  expect(service!.ownerOf(child(undefined))).toBeUndefined();
});
