import { isIP } from "node:net";

/** How a proxy reaches its xDS server. */
export interface XdsServerParams {
  /** Host name or IP address; the server's certificate must carry it. */
  host: string;
  port: number;
  /** Certificates that the server's certificate is verified with. */
  caPem: string;
  /** The host name has no IPv6 address: do not ask for one. */
  v4Only?: boolean;
  /** How long Envoy waits for a connection to it; 1 s unless set. */
  connectTimeoutMs?: number;
}

/** The credential a proxy sends with every stream: the token itself, or a file that is read again for each stream. */
export type TokenParams = { token: string } | { tokenPath: string } | undefined;

export const adsCluster = "ads_cluster";
const validationSecret = "cp_validation_ctx";

/** A gRPC service of the xDS server, as Envoy's JSON. With a token file Envoy's Google client is needed: only that can read files. */
export function grpcService(server: XdsServerParams, token: TokenParams): object {
  if (token && "tokenPath" in token) return { googleGrpc: googleGrpc(server, token.tokenPath) };
  return {
    envoyGrpc: {
      clusterName: adsCluster,
      // Envoy's default goes up to 30 s; a restarted server should have its proxies back at once.
      retryPolicy: { retryBackOff: { baseInterval: "0.200s", maxInterval: "3s" } },
    },
    ...(token && { initialMetadata: [{ key: "authorization", value: token.token }] }),
  };
}

function googleGrpc(server: XdsServerParams, tokenPath: string): object {
  const filePlugin = "envoy.grpc_credentials.file_based_metadata";
  return {
    targetUri: `${isIP(server.host) === 6 ? `[${server.host}]` : server.host}:${server.port}`,
    statPrefix: "ads",
    channelCredentials: { sslCredentials: { rootCerts: inlineBytes(server.caPem) } },
    callCredentials: [
      {
        fromPlugin: {
          name: filePlugin,
          typedConfig: {
            "@type": "type.googleapis.com/envoy.config.grpc_credential.v3.FileBasedMetadataConfig",
            secretData: { filename: tokenPath },
          },
        },
      },
    ],
    credentialsFactoryName: filePlugin,
    channelArgs: {
      args: {
        "grpc.http2.max_pings_without_data": { intValue: "0" },
        "grpc.keepalive_time_ms": { intValue: "10000" },
        "grpc.keepalive_timeout_ms": { intValue: "30000" },
      },
    },
  };
}

/** The cluster of the xDS server: TLS, HTTP/2, and TCP keepalive, so that a server that vanished is noticed within a minute. */
export function adsServerCluster(server: XdsServerParams): object {
  return {
    name: adsCluster,
    type: isIP(server.host) ? "STATIC" : "STRICT_DNS",
    ...(server.v4Only && { dnsLookupFamily: "V4_ONLY" }),
    connectTimeout: `${(server.connectTimeoutMs ?? 1_000) / 1_000}s`,
    typedExtensionProtocolOptions: http2Options(),
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 10, keepaliveInterval: 10 } },
    loadAssignment: {
      clusterName: adsCluster,
      endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: server.host, portValue: server.port } } } }] }],
    },
    transportSocket: {
      name: "envoy.transport_sockets.tls",
      typedConfig: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni: server.host,
        commonTlsContext: {
          tlsParams: { tlsMinimumProtocolVersion: "TLSv1_2" },
          validationContextSdsSecretConfig: { name: validationSecret },
        },
      },
    },
  };
}

export function serverValidationSecret(server: XdsServerParams): object {
  return {
    name: validationSecret,
    validationContext: {
      trustedCa: inlineBytes(server.caPem),
      matchTypedSubjectAltNames: ["DNS", "IP_ADDRESS"].map((sanType) => ({ sanType, matcher: { exact: server.host } })),
    },
  };
}

export function http2Options(): object {
  return {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicitHttpConfig: { http2ProtocolOptions: {} },
    },
  };
}

function inlineBytes(text: string): object {
  return { inlineBytes: Buffer.from(text).toString("base64") };
}
