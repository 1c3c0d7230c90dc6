import { golden } from "@atoll/testkit";
import { join } from "node:path";
import { expect } from "vitest";
import { buildProxyView, explainProxyView } from "../src/index.ts";
import { ViewBuilder } from "../src/view-builder.ts";
import type { ProxyExplanation } from "../src/index.ts";
import { contextsOf, produce } from "./world.ts";
import type { World } from "./world.ts";

/** Cases whose explanation is a golden file too. Those of all cases must account for every part. */
const explained = new Set([
  "delegated-gateway",
  "egress",
  "egress-external",
  "gateway-http-hostnames",
  "gateway-policies",
  "gateway-tcp-tls",
  "ingress-with-routes",
  "sidecar-inbound-policies",
  "sidecar-names",
  "sidecar-outbound-default",
  "sidecar-outbound-policies",
  "sidecar-outbound-routes",
  "sidecar-targeted",
]);

golden<World>(join(import.meta.dirname, "..", "testdata"), (world, name) => {
  const explanation = explainProxyView(contextsOf(world), world.proxy);
  if (explanation) expectAccounted(world, explanation);
  expectAloneAsShared(world);
  return { yaml: produce(world), ...(explained.has(name) ? { "explain.yaml": explanation } : {}) };
});

/** What sidecars share with their kin is what each of them would be given alone. */
function expectAloneAsShared(world: World): void {
  const contexts = contextsOf(world);
  for (const { mesh, name } of contexts.inputs.zoneResources.list("Dataplane")) {
    const proxy = { ...world.proxy, type: "dataplane" as const, mesh, name };
    expect(buildProxyView(contexts, proxy)).toEqual(buildProxyView(contextsOf(world), proxy, new ViewBuilder(new Map())));
  }
}

/** Each listener, route and cluster of the view is there and says what it was made from; of each choice at most the first is chosen. */
function expectAccounted(world: World, explanation: ProxyExplanation): void {
  const view = buildProxyView(contextsOf(world), world.proxy)!;
  const names = (parts: readonly { name: string }[]): string[] => parts.map((part) => part.name);
  expect(names(explanation.listeners)).toEqual(names(view.listeners));
  expect(names(explanation.clusters)).toEqual(names(view.clusters));
  expect(names(explanation.routes.slice(explanation.routes.length - view.routes.length))).toEqual(names(view.routes));
  for (const part of [...explanation.listeners, ...explanation.clusters]) expect(part.from, part.name).not.toEqual([]);
  const routes = explanation.routes.flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes));
  for (const route of routes) expect(route.from, JSON.stringify(route.match)).not.toEqual([]);
  JSON.parse(JSON.stringify(explanation), (key, value: unknown) => {
    if (key !== "candidates") return value;
    const verdicts = (value as { verdict: string }[]).map(({ verdict }) => verdict);
    expect(verdicts).not.toEqual([]);
    expect(verdicts.slice(1)).not.toContain("chosen");
    return value;
  });
}
