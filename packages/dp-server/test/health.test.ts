import { toJson } from "@bufbuild/protobuf";
import { HealthCheckSpecifierSchema } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import type { DataplaneSpec } from "@atoll/resource";
import { expect, test } from "vitest";
import { healthSpecifier, needsHealthChecks } from "../src/health-specifier.ts";
import { dataplane, draft } from "./fixtures.ts";

const specOf = (networking: object) => draft(dataplane("web-1", networking)).spec as DataplaneSpec;
const tags = { "kuma.io/service": "web" };

test("Envoy is asked about itself and about each application with a probe, as often as the fastest one is probed", () => {
  const spec = specOf({
    admin: { port: 9911 },
    inbound: [
      {
        port: 80,
        servicePort: 8080,
        tags,
        serviceProbe: { interval: "2s", timeout: "0.5s", unhealthyThreshold: 3, healthyThreshold: 2, tcp: {} },
      },
      { port: 81, tags },
      { port: 82, tags, serviceProbe: { interval: "10s", tcp: {} }, state: "Ignored" },
    ],
  });
  expect(toJson(HealthCheckSpecifierSchema, healthSpecifier(spec, { port: 9901 }))).toEqual({
    interval: "2s",
    clusterHealthChecks: [
      {
        clusterName: "kuma:envoy:admin",
        healthChecks: [
          {
            timeout: "2s",
            interval: "1s",
            noTrafficInterval: "1s",
            unhealthyThreshold: 1,
            healthyThreshold: 1,
            httpHealthCheck: { path: "/ready" },
          },
        ],
        localityEndpoints: [{ endpoints: [{ address: { socketAddress: { address: "127.0.0.1", portValue: 9911 } } }] }],
      },
      {
        clusterName: "inbound:127.0.0.1:80",
        healthChecks: [
          { timeout: "0.500s", interval: "2s", noTrafficInterval: "2s", unhealthyThreshold: 3, healthyThreshold: 2, tcpHealthCheck: {} },
        ],
        localityEndpoints: [{ endpoints: [{ address: { socketAddress: { address: "127.0.0.1", portValue: 8080 } } }] }],
      },
    ],
  });
});

test("without a probe Envoy is asked about itself, every five seconds", () => {
  const specifier = healthSpecifier(specOf({}), { port: 9901 });
  expect([specifier.interval?.seconds, specifier.clusterHealthChecks.map((one) => one.clusterName)]).toEqual([5n, ["kuma:envoy:admin"]]);
});

test("a probe of a transparent proxy comes from where it is not redirected back", () => {
  const transparentProxying = { redirectPortInbound: 15006, redirectPortOutbound: 15001 };
  const inbound = [
    { port: 80, tags, serviceProbe: { tcp: {} } },
    { port: 81, serviceAddress: "127.0.0.1", tags, serviceProbe: { tcp: {} } },
  ];
  const checks = healthSpecifier(specOf({ address: "10.0.0.1", transparentProxying, inbound }), { port: 9901 }).clusterHealthChecks;
  expect(checks.map((one) => one.upstreamBindConfig?.sourceAddress?.address)).toEqual([undefined, "127.0.0.6", undefined]);
});

test("a gateway has nothing that could be up or down", () => {
  expect(needsHealthChecks(specOf({}))).toBe(true);
  expect(needsHealthChecks(specOf({ inbound: undefined, gateway: { tags, type: "BUILTIN" } }))).toBe(false);
});

test("Envoy itself is checked where its admin interface is, whatever family that is", () => {
  const addressOf = (spec: DataplaneSpec, admin: { address?: string }): unknown => {
    const [check] = healthSpecifier(spec, { port: 9901, ...admin }).clusterHealthChecks;
    const at = check!.localityEndpoints[0]!.endpoints[0]!.address!.address;
    return at.case === "socketAddress" && at.value.address;
  };
  expect(addressOf(specOf({ address: "10.0.0.1" }), {})).toBe("127.0.0.1");
  expect(addressOf(specOf({ address: "2001:db8::1" }), {})).toBe("::1");
  expect(addressOf(specOf({ address: "10.0.0.1" }), { address: "::" })).toBe("::1");
  expect(addressOf(specOf({ address: "2001:db8::1" }), { address: "0.0.0.0" })).toBe("127.0.0.1");
});
