import { expect, test } from "vitest";
import { judgeGatewayInstance } from "../src/gateways/judge-gateway-instance.ts";

const withTags = (tags: Record<string, string>) => ({ spec: { tags, replicas: 1, serviceType: "LoadBalancer" } });

test("instances are made in zones", () => {
  const object = withTags({ "custom.io/gateway": "my-gateway" });
  expect(judgeGatewayInstance({ operation: "CREATE", mode: "zone", object })).toEqual({ allowed: true });
  expect(judgeGatewayInstance({ operation: "CREATE", mode: "global", object })).toEqual({
    allowed: false,
    denied:
      "Operation not allowed. Kuma resources like MeshGatewayInstance can be created only from the 'zone' control plane and not from a 'global' control plane.",
  });
  // One that is there from a time before can be written and deleted.
  expect(judgeGatewayInstance({ operation: "UPDATE", mode: "global", object })).toEqual({ allowed: true });
  expect(judgeGatewayInstance({ operation: "DELETE", mode: "global" })).toEqual({ allowed: true });
});

test.each(["CREATE", "UPDATE"] as const)("on %s tags are checked, and kuma.io/service is not among them", (operation) => {
  const violationsOf = (tags: Record<string, string>) => judgeGatewayInstance({ operation, mode: "zone", object: withTags(tags) });
  expect(violationsOf({ "kuma.io/service": "edge-gateway_kuma-demo_svc" })).toEqual({
    allowed: false,
    violations: [{ field: "tags", reason: '"kuma.io/service" must not be defined' }],
  });
  expect(violationsOf({ team: "", "a b": "c d" })).toEqual({
    allowed: false,
    violations: [
      {
        field: 'tags["a b"]',
        reason: "tag name must consist of alphanumeric characters, dots, dashes, slashes and underscores",
      },
      { field: 'tags["a b"]', reason: "tag value must consist of alphanumeric characters, dots, dashes and underscores" },
      { field: 'tags["team"]', reason: "tag value must be non-empty" },
    ],
  });
  expect(judgeGatewayInstance({ operation, mode: "zone", object: {} })).toEqual({ allowed: true });
});
