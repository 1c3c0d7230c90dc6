import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { connection, mesh, MeshBed } from "./mesh-bed.ts";
import { rest } from "./rest.ts";

// Routes with a targetRef, in a mesh without a TrafficRoute: a sidecar `client` that calls `web`, a builtin gateway `edge` that nothing
// else routes, and `other`, which nobody calls by itself.
let bed: MeshBed;
let web: Backend;
const client = 0;
const edge = 1;

const toWeb = [{ kind: "MeshService", name: "web" }];
const toOther = [{ kind: "MeshService", name: "other" }];
const prefix = (value: string) => [{ path: { type: "PathPrefix", value } }];

const route = (name: string, top: object, to: object, rules: object[]) => ({
  type: "MeshHTTPRoute",
  mesh: "default",
  name,
  spec: { targetRef: top, to: [{ targetRef: to, rules }] },
});
const onClient = { kind: "MeshSubset", tags: { "kuma.io/service": "client" } };
const onEdge = { kind: "MeshGateway", name: "edge" };
const service = { kind: "MeshService", name: "web" };
const everything = { kind: "Mesh" };

/** The same rules for what a sidecar calls and for what a gateway takes. */
const places = [
  { place: "a sidecar", number: client, top: onClient, to: service, lost: 500 },
  // A gateway calls a service that nobody offers in vain, as by a MeshGatewayRoute.
  { place: "a builtin gateway", number: edge, top: onEdge, to: everything, lost: 503 },
] as const;

const main = route("main", onEdge, everything, [{ matches: prefix("/"), default: { backendRefs: toWeb } }]);

beforeAll(async () => {
  bed = await MeshBed.start(15_650, { zones: ["east"] });
  for (const document of [mesh("default"), connection("TrafficPermission", "allow-all", {}), bed.meshGateway("edge", { [edge]: {} }), main])
    await bed.atoll.apply(document);
  const [one] = await Promise.all([
    bed.service("web", "web-1"),
    bed.service("other", "other-1"),
    bed.service("client", "client-1", { outbound: { [client]: "web" } }),
    bed.gateway("edge", "edge-1"),
  ]);
  web = one.app;
  for (const number of [client, edge]) await bed.answers(number, 200, "/", "web-1");
}, 120_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

describe.each(places)("MeshHTTPRoute on $place", ({ number, top, to, lost }) => {
  test("a path goes elsewhere, whole segments alone, and back again", async () => {
    await bed.during(route("some", top, to, [{ matches: prefix("/there"), default: { backendRefs: toOther } }]), async () => {
      await bed.answers(number, 200, "/there", "other-1");
      await bed.answers(number, 200, "/there/too", "other-1");
      await bed.answers(number, 200, "/therefore", "web-1");
    });
    await bed.answers(number, 200, "/there", "web-1");
  });

  test("requests are divided by weight", async () => {
    const split = [
      { ...toWeb[0], weight: 1 },
      { ...toOther[0], weight: 3 },
    ];
    await bed.during(route("some", top, to, [{ matches: prefix("/split"), default: { backendRefs: split } }]), async () => {
      await bed.answers(number, 200, "/split", "other-1");
      const shares = await bed.shares(number, 200, "/split");
      expect(shares["other-1"]).toBeGreaterThan(110);
      expect(shares["web-1"]).toBeGreaterThan(20);
    });
  });

  test("a prefix is rewritten by whole segments, headers are set, an answer gets one", async () => {
    const filters = [
      { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" } } },
      { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-set", value: "s" }] } },
      { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "x-add", value: "a" }] } },
    ];
    await bed.during(route("some", top, to, [{ matches: prefix("/v1"), default: { filters, backendRefs: toOther } }]), async () => {
      const answer = await bed.answers(number, 200, "/v1/users?all=1", "other-1");
      expect(answer.json()).toMatchObject({ path: "/v2/users?all=1", headers: { "x-set": "s" } });
      expect(answer.headers["x-add"]).toBe("a");
    });
  });

  test("a MeshTimeout for the route: requests of its rules alone", async () => {
    const slow = route("slow", top, to, [{ matches: prefix("/slow"), default: { backendRefs: toWeb } }]);
    const conf = { http: { requestTimeout: "200ms" } };
    const spec = { targetRef: { kind: "MeshHTTPRoute", name: "slow" }, to: [{ targetRef: everything, default: conf }] };
    web.respond = ({ path }) => (path === "/fast" ? undefined : { delayMs: 600 });
    try {
      await bed.during(slow, async () => {
        await bed.answers(number, 200, "/slow");
        await bed.during({ type: "MeshTimeout", mesh: "default", name: "route", spec }, async () => {
          await bed.answers(number, 504, "/slow");
          await bed.answers(number, 200, "/other");
        });
        await bed.answers(number, 200, "/slow");
      });
    } finally {
      web.respond = () => undefined;
    }
  });

  test("a redirect is answered at once", async () => {
    const filters = [{ type: "RequestRedirect", requestRedirect: { scheme: "https", hostname: "new.test", port: 8443, statusCode: 308 } }];
    await bed.during(route("some", top, to, [{ matches: prefix("/moved"), default: { filters } }]), async () => {
      const answer = await bed.answers(number, 308, "/moved/x");
      expect(answer.headers["location"]).toBe("https://new.test:8443/moved/x");
    });
  });

  test("of a backend that is not there the route is answered alone, and the other routes go on", async () => {
    const missing = [{ kind: "MeshService", name: "missing" }];
    await bed.during(route("some", top, to, [{ matches: prefix("/lost"), default: { backendRefs: missing } }]), async () => {
      await bed.answers(number, lost, "/lost");
      await bed.answers(number, 200, "/found", "web-1");
    });
  });
});

test("MeshTCPRoute takes a sidecar's connections elsewhere, also those of an HTTP service", async () => {
  const document = {
    type: "MeshTCPRoute",
    mesh: "default",
    name: "all",
    spec: { targetRef: onClient, to: [{ targetRef: service, rules: [{ default: { backendRefs: toOther } }] }] },
  };
  await bed.during(document, () => bed.answers(client, 200, "/", "other-1"));
  await bed.answers(client, 200, "/", "web-1");
});

test("without a route a gateway has nothing to serve", async () => {
  await bed.remove(main);
  await bed.answers(edge, 404);
  await bed.apply(main);
  await bed.answers(edge, 200, "/", "web-1");
});

test("what a policy would change is shown before it acts, on global and in the zone", async () => {
  const to = [{ targetRef: service, default: { http: { requestTimeout: "7s" } } }];
  const labels = { "kuma.io/effect": "shadow" };
  const looked = { type: "MeshTimeout", mesh: "default", name: "looked-at", labels, spec: { targetRef: onClient, to } };
  const { items } = (await bed.atoll.call("/meshes/default/dataplanes?name=client-1")).json<{ items: { name: string }[] }>();
  const config = (query: string) => [
    bed.atoll.call(`/meshes/default/dataplanes/${items[0]!.name}/_config${query}`),
    rest(`${bed.atoll.zone("east").url}/meshes/default/dataplanes/client-1/_config${query}`),
  ];
  interface Shown {
    diff: { op: string; path: string; value: unknown }[];
  }
  const added = async () =>
    (await Promise.all(config("?shadow=true&include=diff"))).map((answer) =>
      answer.json<Shown>().diff.some(({ op, path, value }) => op === "add" && path.endsWith("/route/timeout") && value === "7s"),
    );
  expect(await added()).toEqual([false, false]);
  await bed.during(looked, async () => {
    await eventually(async () => (await added()).every(Boolean), { limitMs: 10_000 });
    for (const answer of await Promise.all(config("?include=diff"))) {
      expect(answer.json()).toMatchObject({ diff: [] });
      expect(answer.text).not.toContain('"timeout":"7s"');
    }
  });
});
