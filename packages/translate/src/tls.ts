import { encodeAny } from "@atoll/envoy-api";
import type { TransportSocketSchema } from "@atoll/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type {
  SubjectAltNameMatcherSchema,
  TlsCertificateSchema,
} from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { CommonTlsContextSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { DownstreamTlsView, SanMatchView, UpstreamTlsView } from "@atoll/view";
import { secretOverAds } from "./config-source.ts";
import { stringMatcher } from "./string-matcher.ts";
import type { Init } from "./init.ts";

type CommonTlsContextInit = Init<typeof CommonTlsContextSchema>;
type TlsParametersView = Pick<UpstreamTlsView, "minVersion" | "maxVersion" | "ciphers">;
type TransportSocketInit = Init<typeof TransportSocketSchema>;

const tlsSocketName = "envoy.transport_sockets.tls";

/** The client side of TLS. Without a CA the server is not verified, and its names are not compared either: Envoy refuses one without the other. */
export function upstreamTlsSocket(view: UpstreamTlsView): TransportSocketInit {
  const certificates = [view.certificate, view.clientCertificate].filter((name) => name !== undefined);
  const typedConfig = encodeAny(UpstreamTlsContextSchema, {
    sni: view.sni ?? "",
    allowRenegotiation: view.allowRenegotiation ?? false,
    commonTlsContext: { ...commonTlsContext(certificates, view), ...bySystemCa(view), ...parameters(clientVersions(view)) },
  });
  return { name: tlsSocketName, configType: { case: "typedConfig", value: typedConfig } };
}

function bySystemCa({ ca, systemCa, sans = [] }: UpstreamTlsView): Pick<CommonTlsContextInit, "validationContextType"> | undefined {
  if (ca !== undefined || systemCa === undefined) return undefined;
  const trustedCa = { specifier: { case: "filename" as const, value: systemCa } };
  return {
    validationContextType: {
      case: "validationContext",
      value: { trustedCa, matchTypedSubjectAltNames: sans.map(subjectAltNameMatcher) },
    },
  };
}

/** By itself a client of Envoy's goes no further than TLS 1.2: one that has to begin at 1.3 would agree with nobody. */
const clientVersions = (view: UpstreamTlsView): TlsParametersView =>
  view.minVersion === "TLSv1_3" ? { ...view, maxVersion: "TLSv1_3" } : view;

function parameters({ minVersion, maxVersion, ciphers }: TlsParametersView): Pick<CommonTlsContextInit, "tlsParams"> | undefined {
  if (minVersion === undefined && maxVersion === undefined && ciphers === undefined) return undefined;
  const auto = TlsParameters_TlsProtocol.TLS_AUTO;
  return {
    tlsParams: {
      tlsMinimumProtocolVersion: minVersion ? TlsParameters_TlsProtocol[minVersion] : auto,
      tlsMaximumProtocolVersion: maxVersion ? TlsParameters_TlsProtocol[maxVersion] : auto,
      cipherSuites: [...(ciphers ?? [])],
    },
  };
}

/** The server side of TLS. With a CA the client must show a certificate that it signed, and that has one of the names. */
export function downstreamTlsSocket(view: DownstreamTlsView): TransportSocketInit {
  const typedConfig = encodeAny(DownstreamTlsContextSchema, {
    requireClientCertificate: view.ca === undefined ? undefined : true,
    commonTlsContext: {
      ...commonTlsContext(view.certificates, view),
      tlsCertificates: view.files === undefined ? [] : [fileCertificate(view.files)],
      ...parameters(view),
    },
  });
  return { name: tlsSocketName, configType: { case: "typedConfig", value: typedConfig } };
}

const fileCertificate = ({ certificate, key }: NonNullable<DownstreamTlsView["files"]>): Init<typeof TlsCertificateSchema> => ({
  certificateChain: { specifier: { case: "filename", value: certificate } },
  privateKey: { specifier: { case: "filename", value: key } },
});

function commonTlsContext(
  certificates: readonly string[],
  peer: { ca?: string; sans?: SanMatchView[]; alpn?: string[] },
): CommonTlsContextInit {
  return {
    tlsCertificateSdsSecretConfigs: certificates.map(secretOverAds),
    validationContextType: validation(peer.ca, peer.sans ?? []),
    alpnProtocols: peer.alpn ?? [],
  };
}

function validation(ca: string | undefined, sans: readonly SanMatchView[]): CommonTlsContextInit["validationContextType"] {
  if (ca === undefined) return { case: undefined };
  if (sans.length === 0) return { case: "validationContextSdsSecretConfig", value: secretOverAds(ca) };
  return {
    case: "combinedValidationContext",
    value: {
      defaultValidationContext: { matchTypedSubjectAltNames: sans.map(subjectAltNameMatcher) },
      validationContextSdsSecretConfig: secretOverAds(ca),
    },
  };
}

export function subjectAltNameMatcher(san: SanMatchView): Init<typeof SubjectAltNameMatcherSchema> {
  const { URI, DNS, IP_ADDRESS } = SubjectAltNameMatcher_SanType;
  return { sanType: { uri: URI, dns: DNS, ip: IP_ADDRESS }[san.type], matcher: stringMatcher(san) };
}
