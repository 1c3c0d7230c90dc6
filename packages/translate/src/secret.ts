import { create } from "@bufbuild/protobuf";
import { SecretSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Secret } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";

export type SecretMaterial =
  | { certificateChainPem: string; privateKeyPem: string }
  /** One or several CA certificates. Empty: nobody can be verified, which Envoy answers by refusing every handshake. */
  | { caPem: string };

/** A secret as Envoy gets it over SDS. */
export function translateSecret(name: string, material: SecretMaterial): Secret {
  if ("caPem" in material) {
    const trustedCa = material.caPem === "" ? undefined : inlineBytes(material.caPem);
    return create(SecretSchema, { name, type: { case: "validationContext", value: { trustedCa } } });
  }
  const { certificateChainPem, privateKeyPem } = material;
  const value = { certificateChain: inlineBytes(certificateChainPem), privateKey: inlineBytes(privateKeyPem) };
  return create(SecretSchema, { name, type: { case: "tlsCertificate", value } });
}

function inlineBytes(text: string) {
  return { specifier: { case: "inlineBytes" as const, value: new TextEncoder().encode(text) } };
}
