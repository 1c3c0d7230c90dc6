import { encodeAny, typeUrls } from "@atoll/envoy-api";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { UpstreamTlsContextSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { expect, it } from "vitest";
import { consistent, encodeResource, references } from "../src/index.ts";
import { CDS, LDS, EDS, RDS, cluster, endpoints, listener, route, snapshot } from "./fixtures.ts";

it("accepts a snapshot that has what its clusters and listeners ask for", () => {
  expect(consistent(snapshot(1, cluster("a"), endpoints("a", 1), listener("web", 80), route("web", "a")))).toEqual({ ok: true });
});

it("names the endpoints or the route that are missing", () => {
  expect(consistent(snapshot(1, cluster("a")))).toEqual({
    ...{ ok: false, typeUrl: CDS, name: "a" },
    reason: 'cluster "a" refers to endpoints "a", which the snapshot does not have',
  });
  expect(consistent(snapshot(1, listener("web", 80), route("other", "a")))).toEqual({
    ...{ ok: false, typeUrl: LDS, name: "web" },
    reason: 'listener "web" refers to route configuration "web", which the snapshot does not have',
  });
});

it("finds what is asked for over ADS, and nothing that comes from elsewhere", () => {
  const ads = { configSourceSpecifier: { case: "ads", value: {} } } as const;
  const file = { configSourceSpecifier: { case: "path", value: "secret.yaml" } } as const;
  const tls = encodeAny(UpstreamTlsContextSchema, {
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [{ name: "identity", sdsConfig: ads }, { name: "local", sdsConfig: file }, { name: "static" }],
      validationContextType: {
        case: "combinedValidationContext",
        value: { validationContextSdsSecretConfig: { name: "ca", sdsConfig: ads } },
      },
    },
  });
  const resource = encodeResource(ClusterSchema, "a", {
    name: "a",
    edsClusterConfig: { edsConfig: ads, serviceName: "other" },
    transportSocketMatches: [{ name: "m", transportSocket: { name: "tls", configType: { case: "typedConfig", value: tls } } }],
  });
  expect(references(resource)).toEqual([
    { typeUrl: EDS, name: "other" },
    { typeUrl: typeUrls.secret, name: "identity" },
    { typeUrl: typeUrls.secret, name: "ca" },
  ]);
  expect(references(listener("web", 80))).toEqual([{ typeUrl: RDS, name: "web" }]);
  expect(references(route("web", "a"))).toEqual([]);
});

it("gives equal resources equal versions", () => {
  expect(cluster("a").version).toBe(cluster("a").version);
  expect(cluster("a").version).not.toBe(cluster("a", 2).version);
});
