import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterSchema } from "../gen/envoy/config/cluster/v3/cluster_pb.js";
import { RouterSchema } from "../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { encodeAny, typeUrlOf, typeUrls } from "./index.ts";
import { anyFromJson, anyToJson, fromEnvoyJson, registry, toEnvoyJson } from "./registry.ts";

/** One type of each family that meshes use; the image must keep holding them. */
const needed = [
  "envoy.config.bootstrap.v3.Bootstrap",
  "envoy.config.tap.v3.TapConfig",
  "envoy.config.overload.v3.OverloadManager",
  "envoy.config.trace.v3.ZipkinConfig",
  "envoy.config.trace.v3.DatadogConfig",
  "envoy.config.trace.v3.OpenTelemetryConfig",
  "envoy.data.accesslog.v3.HTTPAccessLogEntry",
  "envoy.extensions.access_loggers.file.v3.FileAccessLog",
  "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
  "envoy.extensions.compression.gzip.compressor.v3.Gzip",
  "envoy.extensions.filters.http.compressor.v3.Compressor",
  "envoy.extensions.filters.http.cors.v3.Cors",
  "envoy.extensions.filters.http.fault.v3.HTTPFault",
  "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config",
  "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
  "envoy.extensions.filters.http.rbac.v3.RBAC",
  "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
  "envoy.extensions.filters.network.direct_response.v3.Config",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  "envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker",
  "envoy.extensions.filters.network.rbac.v3.RBAC",
  "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
  "envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig",
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
  "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash",
  "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
  "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
  "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
  "envoy.service.health.v3.HealthCheckSpecifier",
  "envoy.service.status.v3.ClientConfig",
  "envoy.admin.v3.ConfigDump",
  "google.rpc.Status",
  "udpa.type.v1.TypedStruct",
  "xds.type.v3.TypedStruct",
  "google.protobuf.StringValue",
];

describe("registry", () => {
  it.each(needed)("knows %s", (name) => {
    expect(registry.getMessage(name)?.typeName).toBe(name);
  });

  it("knows every type that xDS carries", () => {
    const names = Object.values(typeUrls).map((url) => url.slice(url.indexOf("/") + 1));
    expect(names.filter((name) => registry.getMessage(name) === undefined)).toEqual([]);
  });

  it("turns an Any into canonical JSON and back to the same bytes", () => {
    const any = encodeAny(RouterSchema, { startChildSpan: true, suppressEnvoyHeaders: true });
    const json = anyToJson(any);
    expect(json).toEqual({ "@type": typeUrlOf(RouterSchema), startChildSpan: true, suppressEnvoyHeaders: true });
    expect(anyFromJson(json)).toEqual(any);
  });

  it("reads both spellings of a field and writes Envoy's durations", () => {
    const cluster = fromEnvoyJson(ClusterSchema, { name: "c", connect_timeout: "5s" });
    expect(toBinary(ClusterSchema, cluster)).toEqual(
      toBinary(ClusterSchema, create(ClusterSchema, { name: "c", connectTimeout: { seconds: 5n } })),
    );
    expect(toEnvoyJson(ClusterSchema, cluster)).toEqual({ name: "c", connectTimeout: "5s" });
  });

  it("names the field that Envoy does not have", () => {
    expect(() => fromEnvoyJson(ClusterSchema, { name: "c", conectTimeout: "5s" })).toThrow(/conectTimeout/);
  });
});
