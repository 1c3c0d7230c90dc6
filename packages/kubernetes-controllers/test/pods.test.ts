import { fileURLToPath } from "node:url";
import { clusterKinds, type KubernetesObject, type Pod } from "@atoll/kubernetes";
import { golden } from "@atoll/testkit/golden";
import { describe, expect, test } from "vitest";
import {
  defaultNodeLabels,
  isFinishedJob,
  meshServiceController,
  networkAttachmentController,
  podController,
  serviceUpstreamController,
  type PodSettings,
} from "../src/pods/index.ts";
import { headlessName } from "../src/pods/safe-name.ts";
import { clusterOf } from "./cluster-of.ts";

const settings: PodSettings = {
  zone: "east",
  systemNamespace: "kuma-system",
  ignoredServiceSelectorLabels: [],
  nodeLabelsToCopy: defaultNodeLabels,
  embeddedOutbounds: false,
};

interface Case {
  settings?: Partial<PodSettings>;
  objects: KubernetesObject[];
}

/** Merge keys (`<<`), which spare the cases what all of their pods have in common. */
function merged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(merged);
  if (typeof value !== "object" || value === null) return value;
  const { "<<": base, ...own } = value as Record<string, unknown>;
  return { ...(merged(base) as object | undefined), ...Object.fromEntries(Object.entries(own).map(([key, item]) => [key, merged(item)])) };
}

golden(fileURLToPath(new URL("../testdata/pods", import.meta.url)), (input: Case) => {
  const { settings: given, objects } = merged(input) as Case;
  const cluster = clusterOf(objects);
  const controllers = [
    podController({ ...settings, ...given }),
    meshServiceController,
    serviceUpstreamController,
    networkAttachmentController,
  ];
  const desired = controllers.flatMap(({ name, reconciles, reconcile }) =>
    [...cluster.objects(reconciles)].flatMap((object) => {
      const made = reconcile(object, cluster);
      const isNews = made !== undefined && (made.objects.length > 0 || (made.events ?? []).length > 0);
      return isNews ? { controller: name, for: object.metadata.name, ...made } : [];
    }),
  );
  return { "desired.yaml": desired };
});

describe("which pods a change concerns", () => {
  const pod = (name: string, rest: object = {}, metadata: object = {}): KubernetesObject => ({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "demo", uid: `${name}-uid`, ...metadata } },
    ...{ spec: { containers: [] }, ...rest },
  });
  const concerned = (
    kind: { kind: string },
    changed: KubernetesObject,
    objects: readonly KubernetesObject[],
    given: Partial<PodSettings> = {},
  ) => {
    const { watches } = podController({ ...settings, ...given });
    const watch = watches.find((candidate) => candidate.kind.kind === kind.kind);
    return [...watch!.concerns(changed, clusterOf(objects))].map(({ namespace, name }) => `${namespace}/${name}`);
  };
  const service = (spec: object): KubernetesObject => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "demo" },
    spec,
  });

  test("a Service: those that it selects, in its namespace", () => {
    const objects = [
      pod("web-1", {}, { labels: { app: "web", version: "1" } }),
      pod("other", {}, { labels: { app: "other" } }),
      pod("web-1", {}, { namespace: "else", labels: { app: "web" } }),
    ];
    expect(concerned(clusterKinds.service, service({ selector: { app: "web" } }), objects)).toEqual(["demo/web-1"]);
    const blue = service({ selector: { app: "web", version: "2" } });
    expect(concerned(clusterKinds.service, blue, objects)).toEqual([]);
    expect(concerned(clusterKinds.service, blue, objects, { ignoredServiceSelectorLabels: ["version"] })).toEqual(["demo/web-1"]);
  });

  test("an EndpointSlice: those that it names, if no selector made it", () => {
    const slice = {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
      metadata: { name: "web-x", namespace: "demo", labels: { "kubernetes.io/service-name": "web" } },
      endpoints: [{ targetRef: { kind: "Pod", namespace: "demo", name: "web-1" } }, { targetRef: { kind: "Node", name: "n" } }, {}],
    };
    expect(concerned(clusterKinds.endpointSlice, slice, [service({})])).toEqual(["demo/web-1"]);
    expect(concerned(clusterKinds.endpointSlice, slice, [service({ selector: { app: "web" } })])).toEqual([]);
    expect(concerned(clusterKinds.service, service({}), [slice])).toEqual(["demo/web-1"]);
  });

  test("a Node: what runs there, and every ingress", () => {
    const ingress = pod("ingress", { spec: { containers: [], nodeName: "b" } }, { annotations: { "kuma.io/ingress": "enabled" } });
    const objects = [
      pod("here", { spec: { containers: [], nodeName: "a" } }),
      pod("there", { spec: { containers: [], nodeName: "b" } }),
      ingress,
    ];
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "a" } };
    expect(concerned(clusterKinds.node, node, objects)).toEqual(["demo/here", "demo/ingress"]);
  });

  test("a ReplicaSet: those that have no Dataplane yet", () => {
    const reference = { ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-5d", uid: "rs" }] };
    const running = { status: { podIP: "10.0.0.1" } };
    const objects = [
      pod("waits", running, reference),
      pod("no-address", {}, reference),
      pod("known", running, reference),
      { apiVersion: "kuma.io/v1alpha1", kind: "Dataplane", metadata: { name: "known", namespace: "demo" } },
    ];
    const replicaSet = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "web-5d", namespace: "demo", uid: "rs" } };
    expect(concerned(clusterKinds.replicaSet, replicaSet, objects)).toEqual(["demo/waits"]);
  });
});

describe("a job's proxy is told to quit", () => {
  const job = (restartPolicy: "Always" | "OnFailure" | "Never", ...exitCodes: (number | undefined)[]): Pod => ({
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "job" }, spec: { restartPolicy } },
    status: {
      containerStatuses: exitCodes.map((exitCode, index) => ({
        name: index === 0 ? "kuma-sidecar" : `work-${index}`,
        state: exitCode === undefined ? { running: {} } : { terminated: { exitCode } },
      })),
    },
  });

  test("when all else has ended", () => {
    expect(isFinishedJob(job("Never", undefined, 0, 1))).toBe(true);
    expect(isFinishedJob(job("OnFailure", undefined, 0, 0))).toBe(true);
  });

  test("not while anything runs, will be started again, or when it has ended itself", () => {
    expect(isFinishedJob(job("Never", undefined, 0, undefined))).toBe(false);
    expect(isFinishedJob(job("OnFailure", undefined, 0, 1))).toBe(false);
    expect(isFinishedJob(job("Always", undefined, 0))).toBe(false);
    expect(isFinishedJob(job("Never", 0, 0))).toBe(false);
    expect(isFinishedJob({ ...job("Never"), status: {} })).toBe(false);
  });
});

test("names of MeshServices for pods of headless Services", () => {
  expect(headlessName({ name: "example", namespace: "demo" }, "example-1")).toBe("example-1-87ff74c98");
  const [one, other] = ["a".repeat(70), `${"a".repeat(69)}b`].map((pod) => headlessName({ name: "example", namespace: "demo" }, pod));
  expect([one!.length <= 63, one === other]).toEqual([true, false]);
});
