import { ApiVersion } from "@atoll/envoy-api/envoy/config/core/v3/config_source_pb.js";
import type { ConfigSourceSchema } from "@atoll/envoy-api/envoy/config/core/v3/config_source_pb.js";
import type { SdsSecretConfigSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Init } from "./init.ts";

/**
 * Everything that is named and not inline comes over the one aggregated stream. The initial fetch timeout stays Envoy's (15 s): one
 * resource that never comes must not hold up the warming of its cluster or listener for ever.
 */
export function overAds(): Init<typeof ConfigSourceSchema> {
  return { resourceApiVersion: ApiVersion.V3, configSourceSpecifier: { case: "ads", value: {} } };
}

/** A secret by name, over the same stream. */
export function secretOverAds(name: string): Init<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: overAds() };
}
