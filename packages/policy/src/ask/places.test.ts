import type { DataplaneSpec, MeshGatewaySpec, Resource } from "@atoll/resource";
import { expect, test } from "vitest";
import { matchPolicies } from "../target/proxy-rules.ts";
import type { TargetRef } from "../target/target-ref.ts";
import { placesOf, targetPlaces } from "./places.ts";

const resource = <Spec>(type: string, name: string, spec: Spec): Resource<Spec> => ({
  ...{ type, mesh: "default", name, revision: 1, spec, creationTime: "", modificationTime: "" },
});
const service = "kuma.io/service";
const sidecar = resource<DataplaneSpec>("Dataplane", "web-1", {
  networking: {
    address: "10.0.0.1",
    inbound: [
      { port: 80, tags: { [service]: "web", version: "v1" } },
      { port: 81, tags: { [service]: "admin" } },
    ],
  },
});
const edge = resource<DataplaneSpec>("Dataplane", "edge-1", {
  networking: { address: "10.0.0.2", gateway: { type: "BUILTIN", tags: { [service]: "edge" } } },
});
const gateway = resource<MeshGatewaySpec>("MeshGateway", "g", {
  selectors: [{ match: { [service]: "edge" } }],
  conf: { listeners: [{ port: 8080, protocol: "HTTP", tags: { port: "http" } }] },
} as MeshGatewaySpec);
const route = resource("MeshHTTPRoute", "r", { targetRef: { kind: "MeshService", name: "web" } });

const targets: [TargetRef, string[]][] = [
  [{ kind: "Mesh" }, ["web-1", "edge-1"]],
  [{ kind: "MeshSubset", tags: { version: "v1" } }, ["web-1"]],
  [{ kind: "MeshSubset", tags: { [service]: "admin" } }, ["web-1"]],
  [{ kind: "MeshService", name: "web" }, ["web-1"]],
  [{ kind: "MeshServiceSubset", name: "web", tags: { version: "v1" } }, ["web-1"]],
  [{ kind: "MeshServiceSubset", name: "other", tags: { [service]: "web" } }, ["web-1"]],
  [{ kind: "Dataplane" }, ["web-1"]],
  [{ kind: "Dataplane", name: "web-1" }, ["web-1"]],
  [{ kind: "MeshGateway", name: "g", tags: { port: "http" } }, ["edge-1"]],
  [{ kind: "MeshSubset", tags: { port: "http" } }, ["edge-1"]],
  [{ kind: "MeshHTTPRoute", name: "r" }, ["web-1"]],
  [{ kind: "MeshService", name: "nobody" }, []],
];

test.each(targets)("a policy for %j is found where it selects", (targetRef, selected) => {
  const policy = resource("MeshTimeout", "t", { targetRef, to: [] });
  const mesh = { resources: (type: string) => [policy, route].filter((one) => one.type === type) };
  const found = [
    { dataplane: sidecar, gateway: undefined },
    { dataplane: edge, gateway },
  ].filter((proxy) => matchPolicies("MeshTimeout", proxy, mesh).policies.length > 0);
  expect(found.map(({ dataplane }) => dataplane.name)).toEqual(selected);
  for (const { dataplane, gateway: of } of found) {
    const places = targetPlaces(dataplane, of);
    expect(placesOf(policy).some((place) => places.includes(place))).toBe(true);
  }
});
