import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nastyDocuments } from "./nasty-documents.ts";
import { connection, gatewayRoute, mesh, MeshBed, openMesh, prefixRule } from "./mesh-bed.ts";

// One bad thing takes nothing else down: what an Envoy refuses is withheld from it and named, and every other change goes on. Here Envoys
// refuse things on purpose, so a NACK is no failure; what is not acknowledged is.
let bed: MeshBed;
const [client, edge] = [0, 1];

beforeAll(async () => {
  bed = await MeshBed.start(36_000, { zones: ["east"] });
  const documents = [
    mesh("default"),
    ...openMesh(),
    bed.meshGateway("edge", { [edge]: {} }),
    gatewayRoute("edge", "edge", [prefixRule("/", "web")]),
  ];
  for (const document of documents) await bed.atoll.apply(document);
  await Promise.all([
    bed.service("web", "web-1"),
    bed.service("client", "client-1", { outbound: { [client]: "web" } }),
    bed.gateway("edge", "edge-1"),
  ]);
  await both(200);
}, 120_000);

afterAll(() => bed?.close(), 60_000);

const both = async (status: number, path = "/") => {
  for (const number of [client, edge]) await bed.answers(number, status, path);
};

interface Fault {
  zone: string;
  part: string;
  kind: string;
  reason: string;
  resources: string[];
  proxies: number;
}
const faults = async (path = "/quarantine") => (await bed.atoll.call(path)).json<{ items: Fault[] }>().items;
const linesOf = (text: string) =>
  bed.atoll
    .allOutput()
    .split("\n")
    .filter((line) => line.includes("withheld from Envoy") && line.includes(text));

/** Every Envoy takes a change of its own: nothing stands still. */
async function flows(mark: string): Promise<void> {
  const redirect = { path: { replaceFull: `/${mark}` }, statusCode: 302 };
  const canary = gatewayRoute("canary", "edge", [
    { matches: [{ path: { match: "EXACT", value: "/canary" } }], filters: [{ redirect }], backends: [] },
  ]);
  const limit = connection("RateLimit", "canary", {
    to: "web",
    conf: { http: { requests: 1_000_000, interval: `${1_000 + Number(mark)}ms` } },
  });
  await bed.apply(canary, limit);
  await eventually(
    async () => {
      const { headers } = await bed.get(edge, "/canary");
      expect(headers["location"]).toContain(`/${mark}`);
      return true;
    },
    { limitMs: 10_000, everyMs: 20 },
  );
  await both(200);
}

describe("what only an Envoy can refuse", () => {
  const check = (eventLogPath: string) => ({
    ...{ interval: "10s", timeout: "1s", unhealthyThreshold: 3, healthyThreshold: 1 },
    ...{ tcp: {}, eventLogPath },
  });

  test("a file that it cannot open: the health check is withheld and named, everything else flows, also to a gateway that starts", async () => {
    const bad = connection("HealthCheck", "events", { to: "web", conf: check("/nowhere/at/all") });
    await bed.during(bad, async () => {
      await both(200);
      const found = await eventually(
        async () => {
          const items = await faults("/meshes/default/health-checks/events/_quarantine");
          expect(items.length).toBeGreaterThan(0);
          return items;
        },
        { limitMs: 10_000 },
      );
      expect(found).toEqual([
        expect.objectContaining({
          ...{ zone: "east", kind: "healthCheck", resources: ["HealthCheck/default/events"] },
          reason: expect.stringContaining("unable to open file '/nowhere/at/all'"),
        }),
      ]);
      await flows("1");
      await bed.gateway("edge", "edge-2");
      await flows("2");
      await bed.atoll.stopProxy("edge-2");
      expect(linesOf("/nowhere/at/all")).toHaveLength(1);
    });
    await eventually(async () => expect(await faults()).toEqual([]), { limitMs: 10_000 });
  }, 60_000);

  const lua = (inlineString: string) =>
    JSON.stringify({
      name: "envoy.filters.http.lua",
      typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua", defaultSourceCode: { inlineString } },
    });
  const scripts = ["this is no script", 'function envoy_on_response(handle) handle:headers():add("x-added", "yes") end'];
  const ofAll = { mesh: "default", name: "scripts" };
  test.each([
    {
      type: "ProxyTemplate",
      path: "proxytemplates",
      spec: {
        selectors: [{ match: { "kuma.io/service": "*" } }],
        conf: {
          imports: ["default-proxy", "gateway-proxy"],
          modifications: scripts.map((one) => ({ httpFilter: { operation: "addFirst", value: lua(one) } })),
        },
      },
    },
    {
      type: "MeshProxyPatch",
      path: "meshproxypatches",
      spec: {
        spec: { default: { appendModifications: scripts.map((one) => ({ httpFilter: { operation: "AddFirst", value: lua(one) } })) } },
      },
    },
  ])(
    "a script in a $type that does not compile: that modification is withheld, the other is applied",
    async ({ type, path, spec }) => {
      await bed.during({ type, ...ofAll, ...spec }, async () => {
        await eventually(
          async () => {
            for (const number of [client, edge]) expect((await bed.get(number)).headers["x-added"]).toContain("yes");
            return true;
          },
          { limitMs: 20_000 },
        );
        const found = await faults(`/meshes/default/${path}/scripts/_quarantine`);
        expect(found.map(({ kind, resources }) => [kind, resources])).toEqual([["modification", [`${type}/default/scripts`]]]);
        expect(found[0]).toMatchObject({ proxies: 3, reason: expect.stringContaining("script load error") });
        await flows("3");
      });
      await eventually(async () => expect(await faults()).toEqual([]), { limitMs: 10_000 });
    },
    60_000,
  );
});

describe("values that nobody would write", () => {
  const only = process.env["ATOLL_NASTY_KIND"];
  const trace = { type: "TrafficTrace", mesh: "default", name: "traces", selectors: [{ match: { "kuma.io/service": "*" } }], conf: {} };
  /** Of each field this many values are tried; all of them where one asks for a kind. */
  const share = only === undefined ? 0.06 : 1;

  test.each(nastyDocuments({ share, only }).map((one) => [one.type, one] as const))(
    "%s: each is refused, or takes nothing else down",
    async (type, { good, variants }) => {
      // Most of a mesh acts only where policies name it.
      const needed = type === "Mesh" ? [connection("TrafficLog", "logs", { conf: {} }), trace] : [];
      await bed.apply(good, ...needed);
      if (type !== "Mesh") await bed.remove(good);
      let mark = 10;
      const tally = { refused: 0, taken: 0 };
      for (const { what, document } of variants()) {
        const answer = await bed.atoll.put(document);
        expect(answer.status, `${what}: ${answer.text}`).toBeLessThan(500);
        if (answer.status >= 400) {
          tally.refused += 1;
          continue;
        }
        tally.taken += 1;
        await bed.atoll.applied(answer.revision).catch((error: unknown) => {
          throw new Error(`${what} freezes something`, { cause: error });
        });
        await flows(String(mark++)).catch((error: unknown) => {
          throw new Error(`${what} freezes something`, { cause: error });
        });
        if (type === "Mesh") await bed.apply(good);
        else await bed.remove(document);
      }
      if (type === "Mesh") await bed.remove(...needed);
      expect(tally.refused + tally.taken).toBeGreaterThan(0);
    },
    600_000,
  );
});
