import { fileURLToPath } from "node:url";
import type { KubernetesObject, Pod } from "@atoll/kubernetes";
import { golden } from "@atoll/testkit/golden";
import { expect, test } from "vitest";
import { defaultInjectionSettings, injectPod, proxyContainer, type InjectionSettings } from "../src/injection/index.ts";

const settings: InjectionSettings = {
  ...defaultInjectionSettings,
  controlPlaneUrl: "https://kuma-control-plane.kuma-system:5678",
  caCertPem: "PEM",
};

interface Case {
  settings?: Partial<InjectionSettings>;
  /** Of the namespace `demo`. */
  labels?: Record<string, string>;
  /** ContainerPatches and ConfigMaps. */
  objects?: KubernetesObject[];
  /** By name. */
  pods: Record<string, { labels?: Record<string, string>; annotations?: Record<string, string>; spec?: object }>;
}

golden(fileURLToPath(new URL("../testdata/injection", import.meta.url)), ({ pods, labels, objects = [], settings: given }: Case) => {
  const find = (kind: string, namespace: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.namespace === namespace && object.metadata.name === name);
  const lookup = {
    namespace: {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "demo", labels: labels ?? { "kuma.io/sidecar-injection": "enabled" } },
    },
    hasMesh: (name: string) => name !== "missing",
    containerPatch: (name: string) => find("ContainerPatch", "kuma-system", name),
    configMap: (namespace: string, name: string) => find("ConfigMap", namespace, name),
  };
  const injected = Object.entries(pods).map(([name, { spec, ...metadata }]) => {
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "demo", ...metadata },
      spec: { containers: [{ name: "app" }], ...spec },
    };
    try {
      return [name, injectPod(pod, lookup, { ...settings, ...given }) ?? "as it is"];
    } catch (error) {
      return [name, { refused: (error as Error).message }];
    }
  });
  return { "pods.yaml": Object.fromEntries(injected) };
});

test("a gateway's container is a sidecar's, by the annotations of what makes the gateway", () => {
  const container = proxyContainer({ "kuma.io/sidecar-drain-time": "90s", "kuma.io/sidecar-proxy-concurrency": "0" }, "shop", settings);
  expect(container).toMatchObject({ image: "atoll-dp:latest", args: ["run", "--log-level=info"] });
  expect(container["env"]).toContainEqual({ name: "KUMA_DATAPLANE_DRAIN_TIME", value: "1m30s" });
});

test("injection changes nothing of the pod that it was given", () => {
  const probe = { httpGet: { port: 80, path: "/" } };
  const pod: Pod = {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "demo", labels: { "kuma.io/sidecar-injection": "enabled" } } },
    spec: { containers: [{ name: "web", readinessProbe: probe }] },
  };
  const before = structuredClone(pod);
  const lookup = { namespace: undefined, hasMesh: () => true, containerPatch: () => undefined, configMap: () => undefined };
  expect(injectPod(pod, lookup, settings)?.pod.spec.containers?.[1]?.readinessProbe?.httpGet?.port).toBe(9001);
  expect(pod).toEqual(before);
});
