import { readdirSync } from "node:fs";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "./cluster.ts";
import { imageNames } from "./images.ts";
import { patient, startTestCluster } from "./test-cluster.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster?.stop());

const container = (image: string, ...command: string[]) => `{ name: main, image: ${image}, command: ${JSON.stringify(command)} }`;

test("the node is ready, and every part answers", async () => {
  const { status } = await cluster.get<{ status: { conditions: { type: string; status: string }[] } }>("node", "node1");
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
  expect(await cluster.kubectl("version", "-o", "json")).toContain("v1.33");
});

test.each([
  { name: "control-plane", image: imageNames.controlPlane, command: ["atoll", "--help"], says: /run/ },
  { name: "ctl", image: imageNames.init, command: ["atollctl", "--help"], says: /generate/ },
  { name: "iptables", image: imageNames.init, command: ["iptables", "--version"], says: /nf_tables/ },
  { name: "dataplane", image: imageNames.dataplane, command: ["envoy", "--version"], says: /envoy {2}version/ },
])("the image of $name runs as a pod", async ({ name, image, command, says }) => {
  await cluster.apply(
    `{ apiVersion: v1, kind: Pod, metadata: { name: ${name} }, spec: { restartPolicy: Never, containers: [${container(image, ...command)}] } }`,
  );
  await cluster.kubectl("wait", "pod", name, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s");
  expect(await cluster.kubectl("logs", name)).toMatch(says);
});

test("a pod reaches another by its Service's name, and from the node by the address of a load balancer", async () => {
  const serve = "require('http').createServer((_, answer) => answer.end('here')).listen(8080)";
  await cluster.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec:
  replicas: 2
  selector: { matchLabels: { app: server } }
  template:
    metadata: { labels: { app: server } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [${container(imageNames.workload, "node", "-e", serve)}]
---
apiVersion: v1
kind: Service
metadata: { name: server }
spec: { type: LoadBalancer, selector: { app: server }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec: { terminationGracePeriodSeconds: 1, containers: [${container(imageNames.workload, "sleep", "1000")}] }
`);
  await cluster.kubectl("rollout", "status", "deployment", "server", "--timeout=60s");
  await cluster.kubectl("wait", "pod", "client", "--for=condition=Ready", "--timeout=60s");
  const ask = "fetch('http://server.default.svc:80').then((answer) => answer.text()).then(console.log)";
  expect(await cluster.kubectl("exec", "client", "--", "node", "-e", ask)).toBe("here\n");
  const address = await eventually(
    () => cluster.kubectl("get", "service", "server", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"),
    {
      limitMs: 10_000,
      everyMs: 100,
    },
  );
  expect(address).toMatch(/^10\.1\.254\./);
  const answer = await eventually(() => cluster.run(["node", "-e", ask.replace("server.default.svc", address)]), {
    limitMs: 10_000,
    everyMs: 100,
  });
  expect(answer.stdout).toBe("here\n");
});

test("parts that are killed come back with what they knew", async () => {
  for (const part of ["etcd", "kube-apiserver"]) await cluster.kill(part);
  await eventually(() => cluster.kubectl("get", "deployment", "server"), patient);
});

test("nothing of it is left when it has ended", async () => {
  const { name } = cluster.plan;
  await cluster.stop();
  const left = readdirSync("/sys/fs/cgroup").flatMap((hierarchy) => {
    try {
      return readdirSync(`/sys/fs/cgroup/${hierarchy}`).filter((entry) => entry === name);
    } catch {
      return [];
    }
  });
  expect(left).toEqual([]);
});
