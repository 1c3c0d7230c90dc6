import { clusterKinds, type KubernetesObject } from "@atoll/kubernetes";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../test/testkit/src/eventually.ts";
import { ClusterCache, KubernetesError, systemTimers } from "../src/index.ts";
import { ClusterDouble } from "../../../test/cluster-double/src/cluster-double.ts";

const { pod } = clusterKinds;
let cluster: ClusterDouble;
let cache: ClusterCache;
let errors: unknown[];

beforeEach(() => {
  cluster = new ClusterDouble();
  errors = [];
  const timers = { ...systemTimers, after: (ms: number, callback: () => void) => systemTimers.after(ms / 100, callback) };
  cache = new ClusterCache({ api: cluster, timers, onError: (error) => errors.push(error) });
});
afterEach(() => cache.close());

const put = (name: string, spec: object = {}) => cluster.put(pod, { metadata: { name, namespace: "shop" }, spec });
const names = () => [...cache.objects(pod)].map(({ metadata }) => metadata.name).sort();

test("a copy has what was there and follows what changes, one watch for all who ask", async () => {
  put("a");
  cache.watch(pod);
  cache.watch(pod);
  await cache.synced();
  expect(names()).toEqual(["a"]);
  const heard: string[] = [];
  cache.listen(pod, (now, before) => heard.push(`${before?.metadata.name ?? "-"} ${now?.metadata.name ?? "-"}`));
  put("b");
  put("b", { nodeName: "one" });
  cluster.remove(pod, { namespace: "shop", name: "a" });
  await eventually(() => expect(heard).toEqual(["- b", "b b", "a -"]));
  expect(names()).toEqual(["b"]);
  expect([...cache.objects(pod, "other")]).toEqual([]);
  expect(cluster.calls.filter((call) => call.startsWith("list"))).toHaveLength(1);
});

test("a watch that ends goes on where it was: nothing is listed, and nothing heard twice", async () => {
  put("a");
  cache.watch(pod);
  await cache.synced();
  const heard: string[] = [];
  cache.listen(pod, (now) => heard.push(now?.metadata.name ?? "-"));
  for (const name of ["b", "c"]) {
    cluster.endWatches();
    put(name);
    await eventually(() => expect(names()).toContain(name));
  }
  expect(heard).toEqual(["b", "c"]);
  expect(cluster.calls.filter((call) => call.startsWith("list"))).toHaveLength(1);
});

test("what changed while the server had forgotten it is heard as the difference of two lists", async () => {
  put("a");
  put("b");
  cache.watch(pod);
  await cache.synced();
  const heard: string[] = [];
  cache.listen(pod, (now, before) => heard.push(`${before?.metadata.name ?? "-"} ${now?.metadata.name ?? "-"}`));
  let down = true;
  cluster.refuse = (call) => {
    if (down && call.startsWith("watch")) throw new KubernetesError(0, "Unreachable", "down");
  };
  cluster.endWatches();
  await eventually(() => expect(errors).not.toHaveLength(0));
  cluster.remove(pod, { namespace: "shop", name: "a" });
  put("c");
  cluster.forgetPast();
  down = false;
  await eventually(() => expect(heard.sort()).toEqual(["- c", "a -"]));
  expect(cluster.calls.filter((call) => call.startsWith("list"))).toHaveLength(2);
});

test("an object that was deleted and made again while nobody looked is another one", async () => {
  const first = put("a");
  cache.watch(pod);
  await cache.synced();
  const heard: [string | undefined, string | undefined][] = [];
  cache.listen(pod, (now, before) => heard.push([before?.metadata.uid, now?.metadata.uid]));
  cluster.remove(pod, { namespace: "shop", name: "a" });
  const second = put("a");
  await eventually(() => expect(names()).toEqual(["a"]));
  await eventually(() => expect(heard.at(-1)?.[1]).toBe(second.metadata.uid));
  expect(first.metadata.uid).not.toBe(second.metadata.uid);
});

test("the answer of a write is seen at once, and what the watch says of before does not undo it", async () => {
  put("a");
  cache.watch(pod);
  await cache.synced();
  const written = await cluster.apply(pod, { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "shop" }, spec: { x: 1 } });
  cache.observe(pod, written);
  expect(cache.object(pod, { namespace: "shop", name: "a" })?.spec).toEqual({ x: 1 });
  const older = { ...written, spec: {}, metadata: { ...written.metadata, resourceVersion: "1" } } as KubernetesObject;
  cache.observe(pod, older);
  expect(cache.object(pod, { namespace: "shop", name: "a" })?.spec).toEqual({ x: 1 });
});
