import type { KubernetesObject } from "@atoll/kubernetes";
import { expect, test } from "vitest";
import { appliesDifference } from "../src/index.ts";

const deployment = (spec: object, metadata: object = {}): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "gateway", namespace: "shop", ...metadata },
  spec,
});
const ours = (fieldsV1: object) => ({ managedFields: [{ manager: "atoll", operation: "Apply", fieldsV1 }] });

test("what the server and others add beside it makes no difference", () => {
  const desired = deployment({ replicas: 2, template: { containers: [{ name: "proxy", env: [{ name: "A", value: "1" }] }] } });
  const present = deployment(
    {
      replicas: 2,
      strategy: { type: "RollingUpdate" },
      template: { containers: [{ name: "proxy", env: [{ name: "A", value: "1" }], terminationMessagePath: "/dev/log" }] },
    },
    { uid: "1", annotations: { "deployment.kubernetes.io/revision": "1" } },
  );
  expect(appliesDifference(desired, present)).toBe(false);
});

test.each([
  ["a value", { replicas: 3 }, { replicas: 2 }, true],
  ["a field that is not there", { replicas: 3, paused: true }, { replicas: 3 }, true],
  ["a zero value that Go leaves out", { replicas: 3, paused: false, message: "" }, { replicas: 3 }, false],
  ["one item less", { args: ["a"] }, { args: ["a", "b"] }, true],
  ["quantities in other words", { limits: { cpu: "1000m", memory: "512Mi" } }, { limits: { cpu: "1", memory: "512Mi" } }, false],
  ["other quantities", { limits: { cpu: "1000m" } }, { limits: { cpu: "2" } }, true],
])("%s", (_what, desired, present, differs) => {
  expect(appliesDifference(deployment(desired), deployment(present))).toBe(differs);
});

test("what an earlier apply set and this one does not is to be taken away, also within lists", () => {
  const desired = deployment({ ports: [{ port: 80 }] }, { labels: { app: "gateway" } });
  const present = deployment({ ports: [{ port: 80, protocol: "TCP" }], type: "NodePort" }, { labels: { app: "gateway", old: "1" } });
  const port = { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } };
  const fields = { "f:metadata": { "f:labels": { "f:app": {} } }, "f:spec": { "f:ports": port } };
  const withOurs = (fieldsV1: object) => ({ ...present, metadata: { ...present.metadata, ...ours(fieldsV1) } }) as KubernetesObject;
  expect(appliesDifference(desired, withOurs(fields))).toBe(false);
  expect(appliesDifference(desired, withOurs({ ...fields, "f:metadata": { "f:labels": { "f:app": {}, "f:old": {} } } }))).toBe(true);
  expect(appliesDifference(desired, withOurs({ ...fields, "f:spec": { "f:ports": port, "f:type": {} } }))).toBe(true);
  const finalizers = { ...fields, "f:metadata": { "f:finalizers": { 'v:"gateways-exist"': {} }, "f:labels": { "f:app": {} } } };
  expect(appliesDifference(desired, withOurs(finalizers))).toBe(true);
});
