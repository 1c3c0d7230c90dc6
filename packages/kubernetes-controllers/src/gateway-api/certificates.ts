import { CertificateError, parseGatewayBundle } from "@atoll/certificate";
import { clusterKinds } from "@atoll/kubernetes";
import type { KubernetesObject, ObjectKey } from "@atoll/kubernetes";
import type { ClusterView } from "../controller.ts";
import type { Listener, ObjectReference } from "./gateway-api-objects.ts";
import { groupKindText, isReferencePermitted } from "./reference-grants.ts";

export const tlsSecretType = "kubernetes.io/tls";

/** As many certificates one listener can have: an RSA and an ECDSA one. */
const maxCertificates = 2;

/** The certificates of a listener that terminates TLS, or the reason of its condition ResolvedRefs. */
export type ListenerCertificates =
  | { readonly secrets: readonly ObjectKey[] }
  | { readonly reason: "RefNotPermitted" | "InvalidCertificateRef"; readonly message: string };

/** The Secrets that a listener of a Gateway in the namespace refers to, if they are there, good, and open to it. */
export function listenerCertificates({ tls, protocol }: Listener, namespace: string, cluster: ClusterView): ListenerCertificates {
  const secrets: ObjectKey[] = [];
  for (const ref of tls?.certificateRefs ?? []) {
    const target = secretTarget(ref, namespace);
    const name = `${JSON.stringify(groupKindText(target))} ${JSON.stringify(`${target.namespace}/${target.name}`)}`;
    if (!isReferencePermitted({ from: { kind: "Gateway", namespace }, to: target }, cluster))
      return { reason: "RefNotPermitted", message: `reference to ${name} not permitted by any ReferenceGrant` };
    if (target.kind !== "Secret" || target.group !== "") return invalid(`invalid reference to ${target.group}/${target.kind}`);
    const secret = cluster.object(clusterKinds.secret, target);
    if (secret === undefined) return invalid(`invalid reference to ${name}`);
    const bundle = tlsBundle(secret);
    if ("fault" in bundle) return invalid(bundle.fault);
    secrets.push({ namespace: target.namespace, name: target.name });
  }
  if (protocol === "HTTPS" && secrets.length === 0) return invalid("a listener of protocol HTTPS needs a certificate");
  if (secrets.length > maxCertificates) return invalid(`a listener cannot have more than ${maxCertificates} certificates`);
  return { secrets };
}

/** Where a reference of a listener leads. */
export const secretTarget = ({ group = "", kind = "Secret", name, namespace }: ObjectReference, home: string) => ({
  group,
  kind,
  name,
  namespace: namespace ?? home,
});

/** Key and certificates of a Secret in one, as a MeshGateway's certificates are; the fault of one that has none says nothing of what is in it. */
export function tlsBundle(secret: KubernetesObject): { bytes: Buffer } | { fault: string } {
  if (secret.type !== tlsSecretType) return { fault: `only secrets of type "${tlsSecretType}" are supported` };
  const { "tls.key": key = "", "tls.crt": certificates = "" } = (secret.data ?? {}) as Record<string, string | undefined>;
  const keyBytes = Buffer.from(key, "base64");
  const newline = keyBytes.at(-1) === 0x0a ? "" : "\n";
  const bytes = Buffer.concat([keyBytes, Buffer.from(newline), Buffer.from(certificates, "base64")]);
  try {
    parseGatewayBundle(bytes);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return { fault: "malformed secret" };
  }
  return { bytes };
}

const invalid = (message: string): ListenerCertificates => ({ reason: "InvalidCertificateRef", message });
