import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "@atoll/testkit/kafka-jars";
import { pythonTools } from "@atoll/testkit/python-tools";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "@atoll/testkit/eventually";
import type { Cluster } from "./cluster.ts";
import { imageTag, registry } from "./images.ts";
import { systemNamespace } from "./install.ts";
import { patient, startTestCluster } from "./test-cluster.ts";

// The chart that `npm run build` makes, as a user of Helm installs it.

let cluster: Cluster;
const chart = join(repositoryRoot(), "build", "chart");
const script = fileURLToPath(new URL("../helm.py", import.meta.url));
const values = {
  global: { image: { registry, tag: imageTag } },
  controlPlane: { resources: { requests: { cpu: "50m" } }, storage: { enabled: false } },
  egress: { enabled: true },
};

/** Waits until what it did has come about, as `helm --wait` does. */
async function helm(...args: ["install" | "upgrade", object] | ["uninstall"]): Promise<void> {
  const [task, own] = args;
  const command = ["env", `PYTHONPATH=${pythonTools().modules}`, "python3", script, task, ...(own ? [chart, JSON.stringify(own)] : [])];
  expect((await cluster.run(command, { limitMs: 240_000 })).stdout).toBe("ok\n");
}

const deployments = async (): Promise<string[]> => {
  const { items } = await cluster.get<{ items: { metadata: { name: string } }[] }>("deployments", "--namespace", systemNamespace);
  return items.map(({ metadata }) => metadata.name).toSorted();
};

beforeAll(async () => {
  pythonTools();
  cluster = await startTestCluster();
});
afterAll(() => cluster?.stop());

test("installs a zone, adds an ingress, and takes away all but what users made", async () => {
  await helm("install", values);
  expect(await deployments()).toEqual(["kuma-control-plane", "kuma-egress"]);
  await eventually(() => cluster.get("mesh", "default"), patient);
  await cluster.apply("{ apiVersion: kuma.io/v1alpha1, kind: Mesh, metadata: { name: payments } }");
  await helm("upgrade", { ...values, ingress: { enabled: true } });
  expect(await deployments()).toEqual(["kuma-control-plane", "kuma-egress", "kuma-ingress"]);
  await eventually(async () => {
    const { items } = await cluster.get<{ items: unknown[] }>("zoneingresses", "--namespace", systemNamespace);
    expect(items).toHaveLength(1);
    return true;
  }, patient);
  await helm("uninstall");
  expect(await deployments()).toEqual([]);
  const { items } = await cluster.get<{ items: unknown[] }>("mutatingwebhookconfigurations");
  expect(items).toEqual([]);
  await cluster.get("mesh", "payments");
});
