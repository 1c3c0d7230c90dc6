import { describe, expect, test } from "vitest";
import type { JsonValue } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@atoll/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ApiConfigSource_ApiType } from "@atoll/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { fromEnvoyJson } from "@atoll/envoy-api/registry";
import { selfSignedPair, validateEnvoyConfig } from "@atoll/testkit";
import { buildBootstrap } from "../src/index.ts";
import type { BootstrapParams } from "../src/index.ts";

const caPem = "-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n";

const sidecar: BootstrapParams = {
  kind: "sidecar",
  mesh: "default",
  name: "web-1",
  cluster: "web",
  server: { host: "localhost", port: 5678, caPem, v4Only: true },
  token: { token: "header.payload.signature" },
  admin: { port: 9901 },
  node: {
    resource: '{"type":"Dataplane","mesh":"default","name":"web-1"}',
    version: { kumaDp: { version: "2.10.11" }, envoy: { version: "1.40.0" } },
    features: ["feature-tcp-accesslog-via-named-pipe"],
    workdir: "/tmp/web-1",
    ipv6Enabled: false,
    dnsPort: 15054,
    readinessPort: 9902,
    appProbeProxyEnabled: true,
    dynamicMetadata: { team: "blue" },
  },
  healthDiscovery: true,
  accessLogSocketPath: "/tmp/web-1/kuma-al-web-1-default.sock",
};

const cases: Record<string, BootstrapParams> = {
  sidecar,
  gateway: {
    kind: "gateway",
    mesh: "default",
    name: "edge-1",
    cluster: "edge-gateway",
    server: { host: "127.0.0.1", port: 5678, caPem },
    protocol: "sotw",
    admin: { port: 9902, address: "127.0.0.1" },
    edgeLimits: { maxHeapSizeBytes: 1_000_000_000 },
  },
  ingress: {
    kind: "ingress",
    mesh: "",
    name: "ingress-1",
    cluster: "ingress",
    server: { host: "xds.example.com", port: 5678, caPem },
    token: { tokenPath: "/run/token" },
    admin: { port: 9903 },
  },
};

describe("buildBootstrap", () => {
  test.each(Object.entries(cases))("%s", async (name, params) => {
    await expect(JSON.stringify(buildBootstrap(params), null, 2) + "\n").toMatchFileSnapshot(`../testdata/bootstrap/${name}.json`);
  });

  test.each(Object.entries(cases))("%s is a bootstrap of the Envoy API", (_, params) => {
    const message = fromEnvoyJson(BootstrapSchema, buildBootstrap(params) as JsonValue);
    expect(message.node?.id).toBe(`${params.mesh}.${params.name}`);
    expect(message.dynamicResources?.adsConfig?.setNodeOnFirstMessageOnly).toBe(true);
  });

  test.each(Object.entries(cases))("%s is accepted by Envoy", async (_, params) => {
    await validateEnvoyConfig(buildBootstrap({ ...params, server: { ...params.server, caPem: selfSignedPair().certificatePem } }));
  });

  test("delta is the default, and state of the world can be asked for", () => {
    const apiType = (protocol?: "delta" | "sotw") => {
      const bootstrap = fromEnvoyJson(BootstrapSchema, buildBootstrap({ ...sidecar, protocol }) as JsonValue);
      return bootstrap.dynamicResources?.adsConfig?.apiType;
    };
    expect(apiType()).toBe(ApiConfigSource_ApiType.DELTA_GRPC);
    expect(apiType("delta")).toBe(ApiConfigSource_ApiType.DELTA_GRPC);
    expect(apiType("sotw")).toBe(ApiConfigSource_ApiType.GRPC);
  });

  test("a token read from a file leaves nothing of it in the bootstrap, and needs no cluster", () => {
    const text = JSON.stringify(buildBootstrap(cases["ingress"]!));
    expect(text).toContain("/run/token");
    expect(text).not.toContain("authorization");
    expect(text).not.toContain("ads_cluster");
  });
});
