import { encodeAny } from "@atoll/envoy-api";
import type { ListenerFilterSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { DnsFilterConfigSchema } from "@atoll/envoy-api/envoy/extensions/filters/udp/dns_filter/v3/dns_filter_pb.js";
import type { ListenerView } from "@atoll/view";
import { durationOf } from "./duration.ts";
import type { Init } from "./init.ts";

/**
 * Answers DNS questions from a table. A name that is not in it does not exist: whoever asks here goes on to the
 * machine's own resolver, so Envoy need not ask anybody.
 */
export function dnsFilter({ ttlSeconds, domains }: NonNullable<ListenerView["dns"]>): Init<typeof ListenerFilterSchema> {
  const typedConfig = encodeAny(DnsFilterConfigSchema, {
    statPrefix: "kuma_dns",
    serverConfig: {
      configSource: {
        case: "inlineDnsTable",
        value: {
          virtualDomains: domains.map(({ name, addresses }) => ({
            name,
            endpoint: { endpointConfig: { case: "addressList" as const, value: { address: addresses } } },
            answerTtl: durationOf(ttlSeconds * 1000),
          })),
        },
      },
    },
  });
  return { name: "envoy.filters.udp.dns_filter", configType: { case: "typedConfig", value: typedConfig } };
}
