import { bool, double, duration, enumeration, kept, need, string, struct, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { dataSource, protoName, tagMap } from "./common.ts";

const certificateAuthority = message({
  name: need(string),
  /** "builtin" or "provided". */
  type: need(string),
  dpCert: message({ rotation: message({ expiration: string }), requestTimeout: duration }),
  conf: struct,
  /** Absent = STRICT. */
  mode: enumeration(protoName("CertificateAuthorityBackend.Mode"), ["STRICT", "PERMISSIVE"]),
  rootChain: message({ requestTimeout: duration }),
});
export type CertificateAuthorityBackend = Value<typeof certificateAuthority>;

const tracingBackend = message({ name: need(string), sampling: kept(double), type: need(string), conf: struct });
export type TracingBackend = Value<typeof tracingBackend>;

const loggingBackend = message({ name: need(string), format: string, type: need(string), conf: struct });
export type LoggingBackend = Value<typeof loggingBackend>;

export const metricsBackend = message({ name: string, type: string, conf: struct });
export type MetricsBackend = Value<typeof metricsBackend>;

const tagSelector = message({ tags: need(tagMap) });

export const meshSpec = message({
  mtls: message({ enabledBackend: string, backends: list(certificateAuthority), skipValidation: bool }),
  tracing: message({ defaultBackend: string, backends: list(tracingBackend) }),
  logging: message({ defaultBackend: string, backends: list(loggingBackend) }),
  metrics: message({ enabledBackend: string, backends: list(metricsBackend) }),
  networking: message({ outbound: message({ passthrough: kept(bool) }) }),
  routing: message({ localityAwareLoadBalancing: bool, zoneEgress: bool, defaultForbidMeshExternalServiceAccess: bool }),
  constraints: message({ dataplaneProxy: message({ requirements: list(tagSelector), restrictions: list(tagSelector) }) }),
  skipCreatingInitialPolicies: list(string),
  meshServices: message({
    mode: enumeration(protoName("Mesh.MeshServices.Mode"), ["Disabled", "Everywhere", "ReachableBackends", "Exclusive"]),
  }),
});
export type MeshSpec = Value<typeof meshSpec>;

/** `conf` of a CA backend of type builtin. */
export const builtinCaConf = message({ caCert: message({ RSAbits: kept(uint32), expiration: string }) });
export type BuiltinCaConf = Value<typeof builtinCaConf>;

/** `conf` of a CA backend of type provided. */
export const providedCaConf = message({ cert: need(dataSource), key: need(dataSource) });
export type ProvidedCaConf = Value<typeof providedCaConf>;

export const fileLoggingConf = message({ path: string });
export const tcpLoggingConf = message({ address: string });
export const zipkinConf = message({ url: string, traceId128bit: bool, apiVersion: string, sharedSpanContext: kept(bool) });
export const datadogConf = message({ address: string, port: uint32, splitService: bool });

/** `conf` of a metrics backend of type prometheus. Defaults are written into the stored mesh. */
export const prometheusConf = message({
  port: uint32,
  path: string,
  tags: tagMap,
  skipMTLS: kept(bool),
  aggregate: list(message({ path: string, port: uint32, enabled: kept(bool), name: string, address: string })),
  envoy: message({ filterRegex: string, usedOnly: kept(bool) }),
  tls: message({ mode: enumeration(protoName("PrometheusTlsConfig.Mode"), ["activeMTLSBackend", "providedTLS", "disabled"]) }),
});
export type PrometheusConf = Value<typeof prometheusConf>;
