import type { DescMessage, JsonObject, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { toEnvoyJson } from "@atoll/envoy-api/registry";
import { MemoryInventory } from "@atoll/inventory";
import { parseDocument, type ResourceDraft } from "@atoll/resource";
import { validateEnvoyConfig } from "@atoll/testkit";
import { messageFault, translate } from "@atoll/translate";
import { buildProxyView, MeshContexts, type ProxyView } from "@atoll/view";
import { describe, expect, test } from "vitest";
import { bootstraps, staticResources } from "../../translate/test/static-bootstrap.ts";
import { FakeState } from "./fake-state.ts";
import { refusedValues, type RefusedValues } from "./refused-values.ts";

const service = "kuma.io/service";
const inbound = [{ port: 9000, tags: { [service]: "echo", "kuma.io/protocol": "http" } }];
const outbound = ["echo", "other"].map((name, index) => ({ port: 10_001 + index, tags: { [service]: name } }));

/** What a gateway and a sidecar of a mesh with this resource are to do. */
function viewsWith(draft: ResourceDraft): ProxyView[] {
  const [config, zone] = [new FakeState(), new FakeState()];
  config.put(
    { type: "Mesh", name: "default" },
    {
      type: "MeshGateway",
      mesh: "default",
      name: "edge",
      selectors: [{ match: { [service]: "edge" } }],
      conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
    },
    {
      type: "MeshGatewayRoute",
      mesh: "default",
      name: "every",
      selectors: [{ match: { [service]: "edge" } }],
      conf: {
        http: {
          rules: [{ matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ weight: 1, destination: { [service]: "echo" } }] }],
        },
      },
    },
  );
  config.putDrafts(draft);
  zone.put(
    {
      type: "Dataplane",
      mesh: "default",
      name: "edge-1",
      networking: { address: "127.0.0.1", gateway: { type: "BUILTIN", tags: { [service]: "edge" } } },
    },
    { type: "Dataplane", mesh: "default", name: "echo-1", networking: { address: "127.0.0.1", inbound, outbound } },
  );
  const contexts = new MeshContexts({ zone: "zone-1", config, zoneResources: zone, inventory: new MemoryInventory() }, {});
  return ["edge-1", "echo-1"].map((name) => buildProxyView(contexts, { type: "dataplane", mesh: "default", name })!);
}

const listsOf = (view: ProxyView) => {
  const { clusters, endpoints, listeners, routes } = translate(view);
  return {
    clusters: [ClusterSchema, clusters],
    endpoints: [ClusterLoadAssignmentSchema, endpoints],
    listeners: [ListenerSchema, listeners],
    routes: [RouteConfigurationSchema, routes],
  } as const;
};
const json = <Desc extends DescMessage>([schema, list]: readonly [Desc, MessageShape<Desc>[]]) =>
  list.map((one) => toEnvoyJson(schema, one) as JsonObject);

/** Envoy's words of what a view becomes without any screening; undefined if it takes it. */
async function refusal(views: readonly ProxyView[]): Promise<string | undefined> {
  const parts = views.map((view) => {
    const { clusters, endpoints, listeners, routes } = listsOf(view);
    return staticResources({
      clusters: json(clusters),
      endpoints: json(endpoints),
      listeners: json(listeners),
      routes: json(routes),
      secrets: [],
    });
  });
  try {
    for (const bootstrap of bootstraps(parts)) await validateEnvoyConfig(bootstrap);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What the rules that everything is screened by say of it. */
const screened = (views: readonly ProxyView[]): string[] =>
  views.flatMap((view) =>
    Object.values(listsOf(view)).flatMap(([schema, list]) =>
      (list as MessageShape<DescMessage>[]).flatMap((one) => messageFault(schema as DescMessage, one) ?? []),
    ),
  );

/** A good document's draft with the value in its place: what the check at the door does not let through. */
function unchecked({ document, taken }: RefusedValues, value: unknown): ResourceDraft {
  const good = parseDocument(document(taken[0] as never));
  if (!good.ok) throw new Error(JSON.stringify(good));
  const marked = JSON.stringify(good.resource);
  const [quoted, bad] = [JSON.stringify(taken[0]), JSON.stringify(value)];
  // Keys of objects and values are quoted alike.
  expect(marked.split(quoted).length).toBeGreaterThan(1);
  const at = marked.lastIndexOf(quoted);
  return JSON.parse(marked.slice(0, at) + bad + marked.slice(at + quoted.length)) as ResourceDraft;
}

test("the table has at least forty values that Envoy refuses", () => {
  expect(refusedValues.flatMap(({ refused }) => refused).length).toBeGreaterThan(70);
  expect(refusedValues.length).toBeGreaterThanOrEqual(38);
});

describe.each(refusedValues.map((row) => [row.what, row] as const))("%s", (_what, row) => {
  test.each(row.refused.map((value) => [JSON.stringify(value), value] as const))(
    "%s is refused at the door, by the screen and by Envoy",
    { timeout: 30_000 },
    async (_text, value) => {
      const parsed = parseDocument(row.document(value as never));
      expect(parsed.ok).toBe(false);
      expect(!parsed.ok && parsed.violations.map(({ field }) => field)).toContain(row.field);
      const views = viewsWith(unchecked(row, value));
      expect(screened(views)).not.toEqual([]);
      expect(await refusal(views)).toBeDefined();
    },
  );

  test(`${row.taken.map((value) => JSON.stringify(value)).join(", ")} stay possible`, { timeout: 60_000 }, async () => {
    for (const value of row.taken) {
      const parsed = parseDocument(row.document(value as never));
      expect(parsed).toMatchObject({ ok: true });
      const views = viewsWith((parsed as { resource: ResourceDraft }).resource);
      expect(screened(views)).toEqual([]);
      expect(await refusal(views)).toBeUndefined();
    }
  });
});
