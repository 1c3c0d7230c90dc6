import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { connection, gatewayRoute, mesh, MeshBed, prefixRule } from "./mesh-bed.ts";

// Policies with a targetRef, in a mesh without a TrafficRoute: a sidecar `client`, a builtin gateway `edge` and, behind the egress, a
// service outside. Each policy is seen missing, there and gone again, by what it does to requests.
let bed: MeshBed;
let web: Backend;
const logs = mkdtempSync(join(tmpdir(), "atoll-logs-"));
const client = 0;
const edge = 1;
const outside = 2;
const callers = [
  { caller: "a sidecar", of: "client", top: { kind: "MeshSubset", tags: { "kuma.io/service": "client" } }, number: client },
  { caller: "a builtin gateway", of: "edge", top: { kind: "MeshGateway", name: "edge" }, number: edge },
] as const;

const policy = (type: string, name: string, spec: object, labels?: Record<string, string>) => ({
  type,
  mesh: "default",
  name,
  ...(labels ? { labels } : {}),
  spec,
});
const toAll = (top: object, conf: object) => ({ targetRef: top, to: [{ targetRef: { kind: "Mesh" }, default: conf }] });

beforeAll(async () => {
  bed = await MeshBed.start(15_400, { zones: ["east"] });
  const server = await bed.backend("outside");
  const documents = [
    mesh("default", { routing: { zoneEgress: true } }),
    connection("TrafficPermission", "allow-all", {}),
    {
      type: "ExternalService",
      mesh: "default",
      name: "outside",
      tags: { "kuma.io/service": "outside", "kuma.io/protocol": "http" },
      networking: { address: `127.0.0.1:${server.port}` },
    },
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  const [one] = await Promise.all([
    bed.service("web", "web-1"),
    bed.service("client", "client-1", { tags: { team: "red" }, outbound: { [client]: "web", [outside]: "outside" } }),
    bed.gateway("edge", "edge-1"),
    bed.zoneProxy("ZoneEgress", "egress-1", "east"),
  ]);
  web = one.app;
  for (const number of [client, edge, outside]) await bed.answers(number, 200);
}, 120_000);

afterAll(async () => {
  const nacks = await bed?.close();
  rmSync(logs, { recursive: true, force: true });
  expect(nacks).toEqual([]);
}, 60_000);

async function whileWeb(responds: Backend["respond"], what: () => Promise<unknown>): Promise<void> {
  web.respond = responds;
  try {
    await what();
  } finally {
    web.respond = () => undefined;
  }
}

const together = async (number: number, count: number): Promise<number[]> =>
  (await Promise.all(Array.from({ length: count }, () => bed.get(number, "/slow")))).map(({ status }) => status);
const refused = async (number: number): Promise<number> => (await together(number, 6)).filter((status) => status === 503).length;

describe.each(callers)("policies with a targetRef on $caller", ({ of, top, number }) => {
  test("MeshTimeout: a request that takes longer gets 504", async () => {
    await whileWeb(
      ({ path }) => (path === "/slow" ? { delayMs: 600 } : undefined),
      async () => {
        await bed.answers(number, 200, "/slow");
        await bed.during(policy("MeshTimeout", "short", toAll(top, { http: { requestTimeout: "200ms" } })), async () => {
          await bed.answers(number, 504, "/slow");
          await bed.answers(number, 200, "/fast");
        });
        await bed.answers(number, 200, "/slow");
      },
    );
  });

  test("MeshTimeout: of two the more particular overrides, field by field, and a shadow does nothing", async () => {
    await whileWeb(
      ({ path }) => (path === "/slow" ? { delayMs: 600 } : undefined),
      async () => {
        const short = policy(
          "MeshTimeout",
          "short",
          toAll({ kind: "Mesh" }, { connectionTimeout: "3s", http: { requestTimeout: "200ms" } }),
        );
        const patient = toAll(top, { http: { requestTimeout: "5s" } });
        await bed.during(short, async () => {
          await bed.answers(number, 504, "/slow");
          await bed.during(policy("MeshTimeout", "patient", patient, { "kuma.io/effect": "shadow" }), () =>
            bed.answers(number, 504, "/slow"),
          );
          await bed.during(policy("MeshTimeout", "patient", patient), () => bed.answers(number, 200, "/slow"));
          await bed.answers(number, 504, "/slow");
        });
      },
    );
  });

  test("MeshRetry: the upstream sees the tries", async () => {
    const tries = (path: string) => web.seen(path);
    await whileWeb(
      ({ path }) => (tries(path) < 3 ? { status: 503 } : undefined),
      async () => {
        expect((await bed.get(number, `/${of}/once`)).status).toBe(503);
        expect(tries(`/${of}/once`)).toBe(1);
        const conf = { http: { numRetries: 4, retryOn: ["5xx"], backOff: { baseInterval: "10ms" } } };
        await bed.during(policy("MeshRetry", "patient", toAll(top, conf)), async () => {
          expect((await bed.answers(number, 200, `/${of}/again`)).status).toBe(200);
          expect(tries(`/${of}/again`)).toBe(3);
        });
        let round = 0;
        await eventually(async () => {
          const path = `/${of}/after/${++round}`;
          return (await bed.get(number, path)).status === 503 && tries(path) === 1;
        });
      },
    );
  });

  test("MeshCircuitBreaker: requests above the limits are refused", async () => {
    await whileWeb(
      () => ({ delayMs: 150 }),
      async () => {
        expect(await refused(number)).toBe(0);
        const conf = { connectionLimits: { maxConnections: 1, maxPendingRequests: 1, maxRequests: 2 } };
        await bed.during(policy("MeshCircuitBreaker", "narrow", toAll(top, conf)), () =>
          eventually(async () => (await refused(number)) >= 3, { limitMs: 10_000 }),
        );
        await eventually(async () => (await refused(number)) === 0, { limitMs: 10_000 });
      },
    );
  });
});

describe("what a builtin gateway does to its own requests", () => {
  const top = { kind: "MeshGateway", name: "edge" };

  test("MeshRateLimit: requests above the limit get its status", async () => {
    const conf = { local: { http: { requestRate: { num: 1, interval: "600s" }, onRateLimit: { status: 423 } } } };
    await bed.during(policy("MeshRateLimit", "narrow", toAll(top, conf)), () => bed.answers(edge, 423));
    await bed.answers(edge, 200);
  });

  test("MeshFaultInjection: requests are answered with the fault", async () => {
    const conf = { http: [{ abort: { httpStatus: 418, percentage: 100 } }] };
    await bed.during(policy("MeshFaultInjection", "teapot", toAll(top, conf)), () => bed.answers(edge, 418));
    await bed.answers(edge, 200);
  });
});

test.each(callers)("MeshAccessLog on $caller: its requests are in the file, in the words of the policy", async ({ of, top, number }) => {
  const path = join(logs, `${of}.log`);
  const lines = () => (existsSync(path) ? readFileSync(path, "utf8").split("\n") : []);
  const file = { path, format: { type: "Plain", plain: "%KUMA_SOURCE_SERVICE% > %REQ(:PATH)% %RESPONSE_CODE%" } };
  await bed.answers(number, 200, "/before");
  await bed.during(policy("MeshAccessLog", "file", toAll(top, { backends: [{ type: "File", file }] })), async () => {
    await bed.answers(number, 200, "/during");
    await eventually(() => lines().includes(`${of} > /during 200`), { limitMs: 20_000 });
  });
  await bed.answers(number, 200, "/after");
  expect(lines().filter((line) => line.includes("/before") || line.includes("/after"))).toEqual([]);
});

test.each(callers)(
  "MeshProxyPatch on $caller: its filter and its header are there, patched by another policy, before a ProxyTemplate",
  async ({ of, top, number }) => {
    const seen = async () => {
      const { headers, ...answer } = await bed.answers(number, 200);
      return { lua: answer.json<{ headers: Record<string, string> }>().headers["x-lua"], patched: headers["x-patched"] };
    };
    const lua = {
      name: "envoy.filters.http.lua",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        defaultSourceCode: { inlineString: 'function envoy_on_request(h) h:headers():add("x-lua", "first") end' },
      },
    };
    const origin = of === "edge" ? "gateway" : "outbound";
    const patches = (name: string, targetRef: object, ...appendModifications: object[]) =>
      policy("MeshProxyPatch", name, { targetRef, default: { appendModifications } });
    const first = patches(
      "first",
      { kind: "Mesh" },
      { httpFilter: { operation: "AddFirst", match: { origin }, value: JSON.stringify(lua) } },
    );
    const code = 'function envoy_on_request(h) h:headers():add("x-lua", "second") end';
    const header = { header: { key: "x-patched", value: "yes" } };
    const second = patches(
      "second",
      top,
      {
        httpFilter: {
          operation: "Patch",
          match: { name: lua.name, origin },
          jsonPatches: [{ op: "replace", path: "/defaultSourceCode/inlineString", value: code }],
        },
      },
      { virtualHost: { operation: "Patch", match: {}, jsonPatches: [{ op: "add", path: "/responseHeadersToAdd/-", value: header }] } },
    );
    const template = {
      type: "ProxyTemplate",
      mesh: "default",
      name: "last",
      selectors: [{ match: { "kuma.io/service": of } }],
      conf: {
        imports: [of === "edge" ? "gateway-proxy" : "default-proxy"],
        modifications: [{ httpFilter: { operation: "remove", match: { name: lua.name } } }],
      },
    };
    const becomes = (expected: object) =>
      eventually(async () => JSON.stringify(await seen()) === JSON.stringify(expected), { limitMs: 10_000 });
    expect(await seen()).toEqual({});
    await bed.during(first, async () => {
      await becomes({ lua: "first" });
      await bed.during(second, async () => {
        await becomes({ lua: "second", patched: "yes" });
        await bed.during(template, () => becomes({ patched: "yes" }));
        await becomes({ lua: "second", patched: "yes" });
      });
      await becomes({ lua: "first" });
    });
    await becomes({});
  },
);

test("MeshAccessLog by `rules`: what comes in is in the file, as JSON", async () => {
  const path = join(logs, "inbound.log");
  const lines = () => (existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []);
  const json = [
    { key: "to", value: "%KUMA_DESTINATION_SERVICE%" },
    { key: "path", value: "%REQ(:PATH)%" },
  ];
  const file = { path, format: { type: "Json", json } };
  const rules = [{ default: { backends: [{ type: "File", file }] } }];
  const targetRef = { kind: "MeshSubset", tags: { "kuma.io/service": "web" } };
  await bed.during(policy("MeshAccessLog", "inbound", { targetRef, rules }), async () => {
    const logged = (line: string) => (JSON.parse(line) as { path: string }).path === "/logged";
    // Requests of the connection that was open go by the old listener until it has drained.
    await eventually(
      async () => {
        await bed.answers(client, 200, "/logged");
        return lines().some(logged);
      },
      { limitMs: 20_000 },
    );
    expect(JSON.parse(lines().find(logged)!)).toEqual({ to: "web", path: "/logged" });
  });
});

test.each(callers)("MeshHealthCheck on $caller: an instance that fails its probe gets no requests", async ({ top, number }) => {
  await whileWeb(
    ({ path }) => (path === "/health" ? { status: 500 } : undefined),
    async () => {
      const http = { path: "/health", expectedStatuses: [200] };
      const conf = { interval: "100ms", timeout: "1s", unhealthyThreshold: 1, healthyThreshold: 1, healthyPanicThreshold: 0, http };
      await bed.during(policy("MeshHealthCheck", "probe", toAll(top, conf)), () => bed.answers(number, 503));
      await bed.answers(number, 200);
    },
  );
});

describe("policies with a targetRef on what comes in", () => {
  const forWeb = { kind: "MeshSubset", tags: { "kuma.io/service": "web" } };
  const from = (tags: Record<string, string> | null, action: string) => ({
    targetRef: tags ? { kind: "MeshSubset", tags } : { kind: "Mesh" },
    default: { action },
  });

  test("MeshTrafficPermission: who is not named gets 403, whatever the TrafficPermission says", async () => {
    await bed.during(
      policy("MeshTrafficPermission", "client-alone", { targetRef: forWeb, from: [from({ "kuma.io/service": "client" }, "Allow")] }),
      async () => {
        expect((await bed.answers(edge, 403)).text).toContain("RBAC");
        await bed.answers(client, 200);
      },
    );
    for (const number of [client, edge]) await bed.answers(number, 200);
  });

  test("MeshTrafficPermission: a later entry denies some of those that an earlier one allows", async () => {
    const entries = [from(null, "Allow"), from({ team: "red" }, "Deny")];
    await bed.during(policy("MeshTrafficPermission", "not-red", { targetRef: forWeb, from: entries }), async () => {
      await bed.answers(client, 403);
      await bed.answers(edge, 200);
    });
    await bed.answers(client, 200);
  });

  test("MeshTrafficPermission: at the egress, for an external service", async () => {
    const nobody = { targetRef: { kind: "MeshService", name: "outside" }, from: [from({ "kuma.io/service": "nobody" }, "Allow")] };
    await bed.during(policy("MeshTrafficPermission", "outside", nobody), () => bed.answers(outside, 403));
    await bed.answers(outside, 200);
  });

  test("MeshTimeout: by `rules`, for every caller", async () => {
    await whileWeb(
      ({ path }) => (path === "/slow" ? { delayMs: 600 } : undefined),
      async () => {
        const rules = [{ default: { http: { requestTimeout: "200ms" } } }];
        await bed.during(policy("MeshTimeout", "short", { targetRef: forWeb, rules }), async () => {
          for (const number of [client, edge]) await bed.answers(number, 504, "/slow");
        });
        for (const number of [client, edge]) await bed.answers(number, 200, "/slow");
      },
    );
  });

  test("MeshRateLimit: by `rules`, for all callers together, unless it is disabled", async () => {
    const local = { http: { requestRate: { num: 1, interval: "600s" }, onRateLimit: { status: 423 } } };
    const limit = policy("MeshRateLimit", "narrow", { targetRef: { ...forWeb, proxyTypes: ["Sidecar"] }, rules: [{ default: { local } }] });
    const off = { targetRef: { ...forWeb, proxyTypes: ["Sidecar"] }, rules: [{ default: { local: { http: { disabled: true } } } }] };
    await bed.during(limit, async () => {
      for (const number of [client, edge]) await bed.answers(number, 423);
      await bed.during(policy("MeshRateLimit", "a-off", off), () => bed.answers(client, 200));
    });
    for (const number of [client, edge]) await bed.answers(number, 200);
  });

  test("MeshFaultInjection: for the callers of a subset alone", async () => {
    const faults = [
      { targetRef: { kind: "MeshSubset", tags: { team: "red" } }, default: { http: [{ abort: { httpStatus: 418, percentage: 100 } }] } },
    ];
    const spec = { targetRef: { ...forWeb, proxyTypes: ["Sidecar"] }, from: faults };
    await bed.during(policy("MeshFaultInjection", "teapot", spec), async () => {
      await bed.answers(client, 418);
      await bed.answers(edge, 200);
    });
    await bed.answers(client, 200);
  });

  test("MeshRateLimit and MeshFaultInjection: at the egress, for an external service", async () => {
    const top = { kind: "MeshSubset", proxyTypes: ["Sidecar"], tags: { "kuma.io/service": "outside" } };
    const local = { http: { requestRate: { num: 1, interval: "600s" }, onRateLimit: { status: 423 } } };
    await bed.during(policy("MeshRateLimit", "narrow", { targetRef: top, rules: [{ default: { local } }] }), () =>
      bed.answers(outside, 423),
    );
    await bed.answers(outside, 200);
    const faults = [{ targetRef: { kind: "Mesh" }, default: { http: [{ abort: { httpStatus: 418, percentage: 100 } }] } }];
    await bed.during(policy("MeshFaultInjection", "teapot", { targetRef: top, from: faults }), () => bed.answers(outside, 418));
    await bed.answers(outside, 200);
  });

  test("MeshCircuitBreaker: by `rules`, for all callers together", async () => {
    await whileWeb(
      () => ({ delayMs: 150 }),
      async () => {
        const rules = [{ default: { connectionLimits: { maxConnections: 1, maxPendingRequests: 1 } } }];
        await bed.during(policy("MeshCircuitBreaker", "narrow", { targetRef: forWeb, rules }), async () => {
          for (const number of [client, edge]) await eventually(async () => (await refused(number)) >= 3, { limitMs: 10_000 });
        });
        for (const number of [client, edge]) await eventually(async () => (await refused(number)) === 0, { limitMs: 10_000 });
      },
    );
  });
});
