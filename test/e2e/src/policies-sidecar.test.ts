import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { rest } from "./rest.ts";
import { connection, gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";

// One zone: a sidecar `client` and a builtin gateway `edge` call the two versions of `web`. Each policy is seen missing, present and
// gone again, by what it does to requests.
let bed: MeshBed;
let v1: Backend;
let v2: Backend;
let clientAdmin: number;
const client = 0;
const edge = 1;
const callers = [
  { caller: "a sidecar", from: "client", number: client },
  { caller: "a builtin gateway", from: "edge", number: edge },
] as const;

beforeAll(async () => {
  // When a listener's chains change, Envoy closes the connections of the old ones at the end of its drain time, whatever they carry: no single
  // request that these tests send just after a change may be on one by then, on a busy machine either.
  bed = await MeshBed.start(14_000, { zones: ["east"], proxyEnv: { KUMA_DATAPLANE_DRAIN_TIME: "4s" } });
  const documents = [
    mesh("default"),
    ...openMesh(),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [one, two, caller] = await Promise.all([
    bed.service("web", "web-1", { tags: { version: "v1" } }),
    bed.service("web", "web-2", { tags: { version: "v2" } }),
    bed.service("client", "client-1", { tags: { team: "red" }, outbound: { [client]: "web" } }),
    bed.gateway("edge", "edge-1"),
  ]);
  v1 = one.app;
  v2 = two.app;
  clientAdmin = caller.admin;
  await bothAnswer();
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

/** Both versions answer both callers. */
const bothAnswer = () =>
  eventually(
    async () => {
      for (const { number } of callers) expect(Object.keys(await bed.shares(number, 10)).toSorted()).toEqual(["web-1", "web-2"]);
      return true;
    },
    { limitMs: 20_000, everyMs: 50 },
  );

async function withBehaviour(respond: Backend["respond"], what: () => Promise<unknown>, backends = [v1, v2]): Promise<void> {
  for (const one of backends) one.respond = respond;
  try {
    await what();
  } finally {
    for (const one of backends) one.respond = () => undefined;
  }
}

describe.each(callers)("policies on $caller", ({ from, number }) => {
  test("Timeout: a request that takes longer gets 504", async () => {
    await withBehaviour(
      ({ path }) => (path === "/slow" ? { delayMs: 600 } : undefined),
      async () => {
        await bed.answers(number, 200, "/slow");
        await bed.during(connection("Timeout", "short", { from, to: "web", conf: { http: { requestTimeout: "200ms" } } }), async () => {
          await bed.answers(number, 504, "/slow");
          await bed.answers(number, 200, "/fast");
        });
        await bed.answers(number, 200, "/slow");
      },
    );
  });

  test("Timeout: how long nothing may happen on a stream is what it says, shorter and longer than without it", async () => {
    const idle = (streamIdleTimeout: string) =>
      connection("Timeout", "idle", { from, to: "web", conf: { http: { requestTimeout: "20s", streamIdleTimeout } } });
    const respond: Backend["respond"] = ({ path }) =>
      path === "/short" ? { delayMs: 1_000 } : path === "/long" ? { delayMs: 5_500 } : undefined;
    await withBehaviour(respond, async () => {
      await bed.during(idle("300ms"), () => bed.answers(number, 504, "/short"));
      await bed.during(idle("15s"), () => bed.answers(number, 200, "/long"));
    });
  });

  test("Retry: the upstream sees the tries", async () => {
    const tries = (path: string) => v1.seen(path) + v2.seen(path);
    let round = 0;
    await withBehaviour(
      ({ path }) => (tries(path) < 3 ? { status: 503 } : undefined),
      async () => {
        expect((await bed.get(number, `/${from}/once`)).status).toBe(503);
        expect(tries(`/${from}/once`)).toBe(1);
        const conf = { http: { numRetries: 4, retryOn: ["all_5xx"], backOff: { baseInterval: "10ms" } } };
        await bed.during(connection("Retry", "patient", { from, to: "web", conf }), async () => {
          expect((await bed.answers(number, 200, `/${from}/again`)).status).toBe(200);
          expect(tries(`/${from}/again`)).toBe(3);
        });
        // Requests of the connection that was open go by the old listener until it has drained.
        await eventually(async () => {
          const path = `/${from}/after/${++round}`;
          return (await bed.get(number, path)).status === 503 && tries(path) === 1;
        });
      },
    );
  });

  test("CircuitBreaker: an instance that fails is left out", async () => {
    const failing = async () => (await bed.shares(number, 12))["500"] ?? 0;
    const conf = { interval: "50ms", baseEjectionTime: "60s", maxEjectionPercent: 50, detectors: { totalErrors: { consecutive: 2 } } };
    await withBehaviour(
      () => ({ status: 500 }),
      async () => {
        expect(await failing()).toBeGreaterThan(0);
        await bed.during(connection("CircuitBreaker", "fuse", { from, to: "web", conf }), () =>
          eventually(async () => (await failing()) === 0, { limitMs: 15_000 }),
        );
        await eventually(async () => (await failing()) > 0, { limitMs: 15_000 });
      },
      [v1],
    );
  });

  test("CircuitBreaker: requests above the threshold are refused", async () => {
    const statuses = async () => (await Promise.all(Array.from({ length: 6 }, () => bed.get(number, "/slow")))).map((one) => one.status);
    const overflow = async () => (await statuses()).filter((status) => status === 503).length;
    await withBehaviour(
      () => ({ delayMs: 150 }),
      async () => {
        expect(await overflow()).toBe(0);
        await bed.during(
          connection("CircuitBreaker", "narrow", {
            from,
            to: "web",
            conf: { thresholds: { maxRequests: 2, maxPendingRequests: 1, maxConnections: 1 } },
          }),
          () => eventually(async () => (await overflow()) >= 3, { limitMs: 10_000 }),
        );
        await eventually(async () => (await overflow()) === 0, { limitMs: 10_000 });
      },
    );
  });

  test("HealthCheck: an instance that fails its probe gets no requests", async () => {
    const shares = () => bed.shares(number, 10);
    const http = { path: "/health", expectedStatuses: [200] };
    const conf = { interval: "100ms", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, http };
    await withBehaviour(
      ({ path }) => (path === "/health" ? { status: 500 } : undefined),
      async () => {
        await bothAnswer();
        await bed.during(connection("HealthCheck", "probe", { from, to: "web", conf }), async () => {
          await eventually(async () => expect(await shares()).toEqual({ "web-2": 10 }) ?? true, { limitMs: 15_000 });
          expect(v1.seen("/health")).toBeGreaterThan(0);
        });
        await eventually(async () => expect(Object.keys(await shares())).toHaveLength(2) ?? true, { limitMs: 15_000 });
      },
      [v1],
    );
  });

  test("FaultInjection: requests of this source are aborted or delayed, and no others", async () => {
    const other = callers.find((one) => one.from !== from)!.number;
    const to = { "kuma.io/service": "web", "kuma.io/protocol": "http" };
    const took = async () => {
      const began = performance.now();
      const { status } = await bed.get(number);
      if (status !== 200) throw new Error(`${status}`);
      return performance.now() - began;
    };
    await bed.answers(number, 200);
    await bed.during(
      connection("FaultInjection", "abort", { from, to, conf: { abort: { percentage: 100, httpStatus: 418 } } }),
      async () => {
        expect((await bed.answers(number, 418)).text).toBe("fault filter abort");
        expect((await bed.get(other)).status).toBe(200);
      },
    );
    await bed.answers(number, 200);
    await eventually(async () => (await took()) < 400, { limitMs: 10_000 });
    await bed.during(connection("FaultInjection", "delay", { from, to, conf: { delay: { percentage: 100, value: "400ms" } } }), () =>
      eventually(async () => (await took()) >= 400, { limitMs: 10_000 }),
    );
    await eventually(async () => (await took()) < 400, { limitMs: 10_000 });
  });

  test("RateLimit: this source gets its number of requests and then the status that the policy says; others go on", async () => {
    const other = callers.find((one) => one.from !== from)!.number;
    const one = connection("TrafficRoute", "one-instance", {
      to: "web",
      conf: { destination: { "kuma.io/service": "web", version: "v1" } },
    });
    const route = gatewayRoute("one", "edge", [
      {
        matches: [{ path: { match: "PREFIX", value: "/limited" } }],
        backends: [{ weight: 1, destination: { "kuma.io/service": "web", version: "v1" } }],
      },
    ]);
    const headers = [{ key: "x-limited", value: "yes" }];
    const limit = connection("RateLimit", "few", {
      from,
      to: "web",
      conf: { http: { requests: 3, interval: "60s", onRateLimit: { status: 423, headers } } },
    });
    await bed.during([one, route], async () => {
      expect(await bed.shares(number, 10, "/limited")).toEqual({ "web-1": 10 });
      await bed.during(limit, async () => {
        const refused = await bed.answers(number, 423, "/limited");
        expect(refused.headers["x-limited"]).toBe("yes");
        expect((await bed.shares(number, 5, "/limited"))["423"]).toBe(5);
        expect(await bed.shares(other, 10, "/limited")).toEqual({ "web-1": 10 });
      });
      await eventually(async () => expect(await bed.shares(number, 10, "/limited")).toEqual({ "web-1": 10 }) ?? true, { limitMs: 10_000 });
    });
  });

  test("TrafficPermission by service: who is not named is refused", async () => {
    const other = callers.find((one) => one.from !== from)!;
    await bed.during(connection("TrafficPermission", "only-other", { from: other.from, to: "web" }), async () => {
      await bed.answers(number, 503);
      await bed.answers(other.number, 200);
    });
    await bed.answers(number, 200);
  });
});

test("TrafficPermission by tag: the caller's tag decides", async () => {
  await bed.during(connection("TrafficPermission", "red", { from: { "kuma.io/service": "*", team: "red" }, to: "web" }), async () => {
    await bed.answers(edge, 503);
    await bed.answers(client, 200);
  });
  await bed.during(connection("TrafficPermission", "blue", { from: { "kuma.io/service": "*", team: "blue" }, to: "web" }), async () => {
    await bed.answers(client, 503);
  });
  await bed.answers(client, 200);
  await bed.answers(edge, 200);
});

test("TrafficPermission: without any, nobody is allowed", async () => {
  const [permission] = openMesh();
  await bed.remove(permission!);
  try {
    for (const { number } of callers) await bed.answers(number, 403);
  } finally {
    await bed.apply(permission!);
  }
  for (const { number } of callers) await bed.answers(number, 200);
});

test("without any TrafficRoute in the mesh, policies of a caller act all the same", async () => {
  const [, route] = openMesh();
  await withBehaviour(
    ({ path }) => (path === "/slow" ? { delayMs: 600 } : undefined),
    async () => {
      await bed.remove(route!);
      try {
        await bed.answers(client, 200, "/slow");
        await bed.during(
          connection("Timeout", "short", { from: "client", to: "web", conf: { http: { requestTimeout: "200ms" } } }),
          async () => void (await bed.answers(client, 504, "/slow")),
        );
        await bed.answers(client, 200, "/slow");
      } finally {
        await bed.apply(route!);
      }
    },
  );
});

describe("TrafficRoute on a sidecar", () => {
  const route = (conf: object) => connection("TrafficRoute", "web", { from: "client", to: "web", conf });
  const version = (name: string) => ({ "kuma.io/service": "web", version: name });

  test("splits by weight", async () => {
    const even = await bed.shares(client, 100);
    expect(even["web-1"]).toBeGreaterThan(30);
    const split = [
      { weight: 90, destination: version("v1") },
      { weight: 10, destination: version("v2") },
    ];
    await bed.during(route({ split }), async () => {
      const found = await eventually(
        async () => {
          const shares = await bed.shares(client, 150);
          return (shares["web-1"] ?? 0) > 115 ? shares : undefined;
        },
        { limitMs: 15_000 },
      );
      expect(found["web-2"]).toBeGreaterThan(0);
      expect((found["web-1"] ?? 0) + (found["web-2"] ?? 0)).toBe(150);
    });
    await bothAnswer();
  });

  test("matches path, method and headers, in the order written, before the default", async () => {
    const http = [
      { match: { path: { exact: "/exact" } }, destination: version("v2") },
      { match: { path: { prefix: "/prefix/" } }, destination: version("v2") },
      { match: { path: { regex: "/[0-9]+" } }, destination: version("v2") },
      { match: { headers: { "x-canary": { exact: "yes" } } }, destination: version("v2") },
      { match: { method: { exact: "DELETE" } }, destination: version("v2") },
    ];
    await bed.during(route({ http, destination: version("v1") }), async () => {
      await eventually(async () => expect(await bed.shares(client, 10)).toEqual({ "web-1": 10 }) ?? true, { limitMs: 10_000 });
      for (const path of ["/exact", "/prefix/a", "/42"]) expect(await bed.shares(client, 5, path)).toEqual({ "web-2": 5 });
      for (const path of ["/exact/a", "/prefix", "/42a"]) expect(await bed.shares(client, 5, path)).toEqual({ "web-1": 5 });
      expect(await bed.shares(client, 5, "/", { "x-canary": "yes" })).toEqual({ "web-2": 5 });
      expect(await bed.shares(client, 5, "/", { "x-canary": "no" })).toEqual({ "web-1": 5 });
      expect((await rest(`http://127.0.0.1:${bed.port(client)}/`, { method: "DELETE" })).json().service).toBe("web-2");
    });
    await bothAnswer();
  });

  test("modifies path, host and headers", async () => {
    const http = [
      {
        match: { path: { prefix: "/old" } },
        modify: {
          path: { rewritePrefix: "/new" },
          host: { value: "rewritten.test" },
          requestHeaders: {
            add: [
              { name: "x-added", value: "1" },
              { name: "x-more", value: "b", append: true },
            ],
            remove: [{ name: "x-gone" }],
          },
          responseHeaders: { add: [{ name: "x-answered", value: "2" }] },
        },
        destination: { "kuma.io/service": "web" },
      },
      {
        match: { path: { regex: "/users/.*" } },
        modify: { path: { regex: { pattern: "/users/(.*)", substitution: "/u/\\1" } } },
        destination: { "kuma.io/service": "web" },
      },
    ];
    const sent = { "x-gone": "here", "x-more": "a" };
    const plain = await bed.get(client, "/old/a", sent);
    expect(plain.json()).toMatchObject({ path: "/old/a", headers: { "x-gone": "here", "x-more": "a" } });
    await bed.during(route({ http, destination: { "kuma.io/service": "web" } }), async () => {
      const answer = await eventually(
        async () => {
          const one = await bed.get(client, "/old/a?b=c", sent);
          return one.headers["x-answered"] === "2" ? one : undefined;
        },
        { limitMs: 10_000 },
      );
      const { path, headers } = answer.json<{ path: string; headers: Record<string, string> }>();
      expect(path).toBe("/new/a?b=c");
      expect(headers).toMatchObject({ host: "rewritten.test", "x-added": "1" });
      expect(headers["x-more"]?.replaceAll(" ", "")).toBe("a,b");
      expect(headers).not.toHaveProperty("x-gone");
      expect((await bed.get(client, "/users/7")).json().path).toBe("/u/7");
    });
    expect((await bed.get(client, "/users/7")).json().path).toBe("/users/7");
  });

  test.each([
    ["roundRobin", {}, undefined],
    ["leastRequest", { choiceCount: 3 }, "LEAST_REQUEST"],
    ["ringHash", { hashFunction: "MURMUR_HASH_2", minRingSize: 16, maxRingSize: 64 }, "RING_HASH"],
    ["random", {}, "RANDOM"],
    ["maglev", {}, "MAGLEV"],
  ])("load balancer %s reaches the cluster, and requests are answered", async (name, settings, policy) => {
    const used = async () => {
      const { text } = await rest(`http://127.0.0.1:${clientAdmin}/config_dump?resource=dynamic_active_clusters`);
      const { configs } = JSON.parse(text) as { configs: { cluster: { name: string; lb_policy?: string } }[] };
      return configs.find(({ cluster }) => cluster.name === "web")?.cluster.lb_policy;
    };
    expect(await used()).toBeUndefined();
    await bed.during(route({ loadBalancer: { [name]: settings }, destination: { "kuma.io/service": "web" } }), async () => {
      await eventually(async () => (await used()) === policy, { limitMs: 10_000 });
      const shares = await bed.shares(client, 10);
      expect((shares["web-1"] ?? 0) + (shares["web-2"] ?? 0)).toBe(10);
    });
    await eventually(async () => (await used()) === undefined, { limitMs: 10_000 });
  });
});
