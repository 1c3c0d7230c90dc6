import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdsServer, SnapshotCache, consistent } from "../src/index.ts";
import type { AdsNack, EncodedResource } from "../src/index.ts";
import { Envoy } from "./envoy.ts";
import { LDS, cluster, endpoints, listener, route, snapshot } from "./fixtures.ts";
import { freePort, until } from "./wait.ts";

describe.each(["delta", "sotw"] as const)("Envoy over %s", (protocol) => {
  const stops: (() => Promise<unknown> | unknown)[] = [];
  const nacks: AdsNack[] = [];
  let cache: SnapshotCache;
  let envoy: Envoy;
  let port: number;
  let backend: number;

  beforeEach(async () => {
    cache = new SnapshotCache();
    const web = createServer((request, response) => response.end(`served ${request.url}`));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    backend = (web.address() as AddressInfo).port;
    const server = new Server();
    new AdsServer({
      cache,
      identifier: "test",
      patienceMs: 100,
      hooks: { onNode: async (node) => ({ nodeId: node.id }), onNack: (nack) => nacks.push(nack) },
    }).register(server);
    const adsPort = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    port = await freePort();
    envoy = await Envoy.start("node", adsPort, protocol);
    stops.push(
      () => envoy.stop(),
      () => server.forceShutdown(),
      () => web.close(),
    );
  });

  afterEach(async () => {
    nacks.length = 0;
    for (const stop of stops.splice(0)) await stop();
  });

  function offer(revision: number, ...resources: EncodedResource[]): void {
    const next = snapshot(revision, ...resources);
    expect(consistent(next)).toEqual({ ok: true });
    cache.set("node", next);
  }

  const applied = (revision: number) =>
    until(
      () => cache.ackedRevision("node") === revision,
      `revision ${revision} is applied`,
      () => envoy.log,
    );

  it("serves, follows a route, replaces a cluster, and lives with a broken listener", async () => {
    const base = () => [cluster("a"), endpoints("a", backend)];
    offer(1, ...base(), listener("web", port), route("web", "a", "one"));
    await applied(1);
    const get = async (at = port) => (await fetch(`http://127.0.0.1:${at}/x`)).headers.get("x-route");
    await until(
      () => get().catch(() => undefined),
      "the listener is open",
      () => envoy.log,
    );
    const response = await fetch(`http://127.0.0.1:${port}/x`);
    expect([response.status, await response.text(), response.headers.get("x-route")]).toEqual([200, "served /x", "one"]);

    offer(2, ...base(), listener("web", port), route("web", "a", "two"));
    await applied(2);
    expect(await get()).toBe("two");

    // A new cluster under a route in use, and the old one gone: no request may fail on the way.
    const failures: unknown[] = [];
    let busy = true;
    const load = (async () => {
      while (busy) {
        const { status } = await fetch(`http://127.0.0.1:${port}/load`);
        if (status !== 200) failures.push(status);
      }
    })();
    for (const [step, name] of ["b", "c", "a"].entries()) {
      offer(3 + step, cluster(name), endpoints(name, backend), listener("web", port), route("web", name, name));
      await applied(3 + step);
    }
    offer(6, cluster("a", 3), endpoints("a", backend), listener("web", port), route("web", "a", "three"));
    await applied(6);
    busy = false;
    await load;
    expect(failures).toEqual([]);
    expect(nacks).toEqual([]);

    const broken = listener("broken", 70_000);
    offer(7, ...base(), listener("web", port), route("web", "a", "four"), broken, route("broken", "a"));
    await until(
      () => nacks.length > 0,
      "the listener is refused",
      () => envoy.log,
    );
    await until(
      async () => (await get()) === "four",
      "the route is served",
      () => envoy.log,
    );
    expect(nacks.flatMap(({ typeUrl, rejected }) => rejected.map(({ name }) => [typeUrl, name]))).toEqual([[LDS, "broken"]]);
    expect(cache.ackedRevision("node")).toBe(6);

    const second = await freePort();
    offer(8, ...base(), listener("web", port), route("web", "a", "five"), listener("broken", second), route("broken", "a", "mended"));
    await applied(8);
    expect([await get(), await get(second)]).toEqual(["five", "mended"]);
  });

  it("moves on while a cluster cannot get warm", async () => {
    const header = () => fetch(`http://127.0.0.1:${port}/`).then(({ headers }) => headers.get("x-route"));
    const state = (revision: number, name: string, ...more: EncodedResource[]) =>
      snapshot(revision, cluster(name), endpoints(name, backend), listener("web", port), route("web", name, `to ${name}`), ...more);
    cache.set("node", state(1, "a"));
    await applied(1);
    // Envoy waits for endpoints that nobody has.
    cache.set("node", state(2, "b", cluster("cold")));
    await until(
      () =>
        header().then(
          (value) => value === "to b",
          () => false,
        ),
      "the second route is served",
      () => envoy.log,
    );
    cache.set("node", state(3, "c", cluster("cold"), cluster("colder")));
    await until(
      () =>
        header().then(
          (value) => value === "to c",
          () => false,
        ),
      "the third route is served",
      () => envoy.log,
    );
    // The order of things is given up for what waits too long: the route may be there a moment before its cluster.
    const status = () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.status === 200);
    await until(status, "the third cluster is called", () => envoy.log);
    expect(nacks).toEqual([]);
  });
});
