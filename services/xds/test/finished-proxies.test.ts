import { finishedLabel, keyString, type KeyString, type Resource } from "@atoll/resource";
import { expect, test } from "vitest";
import { FinishedProxies } from "../src/finished-proxies.ts";

function bed() {
  const dataplanes = new Map<string, Resource>();
  const listeners = new Set<(event: { keys: KeyString[] }) => void>();
  const [served, asked, told] = [new Set<string>(), [] as string[], [] as string[]];
  const failing = { now: false };
  const retries: (() => void)[] = [];
  const resources = {
    get: (_type: string, _mesh: string, name: string) => dataplanes.get(name),
    list: () => [...dataplanes.values()],
    watch: (listener: (event: { keys: KeyString[] }) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const put = (name: string, labels: Record<string, string> = {}) => {
    const key = { type: "Dataplane", mesh: "default", name };
    dataplanes.set(name, { ...key, labels, spec: {}, creationTime: "", modificationTime: "", revision: 0 });
    for (const listener of listeners) listener({ keys: [keyString(key)] });
  };
  const start = () =>
    new FinishedProxies({
      resources: resources as never,
      isServed: (_mesh, name) => served.has(name),
      quit: async ({ name }) => {
        asked.push(name);
        if (failing.now) throw new Error("no route");
      },
      later: (run) => void retries.push(run),
      onQuit: (name) => told.push(`${name} ended`),
      onError: (error, name) => told.push(`${name}: ${error.message}`),
    });
  return { put, start, served, asked, told, failing, retries, settled: () => new Promise((resolve) => setImmediate(resolve)) };
}

test("a proxy whose workload has ended is told once, by who serves it", async () => {
  const { put, start, served, asked, told, settled } = bed();
  served.add("job");
  put("job");
  const proxies = start();
  put("elsewhere", finishedLabel);
  put("job", finishedLabel);
  put("job", { ...finishedLabel, more: "x" });
  proxies.check();
  await settled();
  expect([asked, told]).toEqual([["job"], ["job ended"]]);
});

test("one that comes later, or that could not be told, is told then; one that works again is not", async () => {
  const { put, start, served, asked, told, failing, retries, settled } = bed();
  put("job", finishedLabel);
  put("back", finishedLabel);
  const proxies = start();
  put("back");
  failing.now = true;
  served.add("job").add("back");
  proxies.check();
  await settled();
  failing.now = false;
  proxies.check();
  for (const retry of retries) retry();
  await settled();
  expect([asked, told]).toEqual([
    ["job", "job"],
    ["job: no route", "job ended"],
  ]);
});
