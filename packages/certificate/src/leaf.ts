import "./reflect-metadata.ts";
import * as x509 from "@peculiar/x509";
import type { Validity } from "./lifetime.ts";
import { clockSkewMs, type CertificateAuthority, type PemPair } from "./mesh-ca.ts";
import { generateEcKey, privateKeyPem, type KeyPair } from "./keys.ts";

export const defaultLeafLifetimeMs = 24 * 3_600_000;

/** What a proxy is, for its certificate. */
export interface Identity {
  mesh: string;
  /** Values of each tag over all inbounds or the gateway; `kuma.io/service` among them. */
  tags: Readonly<Record<string, readonly string[]>>;
}

const serviceTag = "kuma.io/service";

/** The identity of a mesh's zone egress. */
export const zoneEgressIdentity = (mesh: string): Identity => ({ mesh, tags: { [serviceTag]: ["zone-egress"] } });

/** Tag sets of a proxy (one for each inbound, or the gateway's) as one identity. */
export function identityOf(mesh: string, tagSets: readonly Readonly<Record<string, string>>[]): Identity {
  const tags = new Map<string, string[]>();
  for (const [tag, value] of tagSets.flatMap((set) => Object.entries(set))) tags.set(tag, [...(tags.get(tag) ?? []), value]);
  return { mesh, tags: Object.fromEntries(tags) };
}

const sortedValues = (values: readonly string[] = []): string[] => [...new Set(values)].toSorted();

/** `spiffe://<mesh>/<service>` for each service, then `kuma://<tag>/<value>` for each value of each tag, sorted. */
export function identityUris({ mesh, tags }: Identity): string[] {
  const services = sortedValues(tags[serviceTag]).map((service) => `spiffe://${mesh}/${service}`);
  const others = Object.keys(tags)
    .toSorted()
    .flatMap((tag) => sortedValues(tags[tag]).map((value) => `kuma://${tag}/${value}`));
  return [...services, ...others];
}

export interface LeafCertificate extends PemPair, Validity {
  /** The URIs it names, in order. A leaf is to be replaced when they change. */
  uris: string[];
}

export interface LeafOptions {
  identity: Identity;
  nowMs: number;
  /** Default one day. Never beyond the life of the CA. */
  lifetimeMs?: number;
  /** RSA or EC; absent = an EC key is made. */
  keyPair?: KeyPair;
}

/** Issues a proxy's identity certificate (an X.509 SVID): https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md */
export async function issueLeaf(ca: CertificateAuthority, options: LeafOptions): Promise<LeafCertificate> {
  const keyPair = options.keyPair ?? (await generateEcKey());
  const uris = identityUris(options.identity);
  const wholeSecond = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);
  const notBefore = wholeSecond(options.nowMs - clockSkewMs);
  const notAfter = wholeSecond(Math.min(options.nowMs + (options.lifetimeMs ?? defaultLeafLifetimeMs), ca.notAfter.getTime()));
  const { digitalSignature, keyEncipherment, keyAgreement } = x509.KeyUsageFlags;
  // Only an RSA key can encipher another one (RFC 8813, section 3).
  const isRsa = keyPair.privateKey.asymmetricKeyType === "rsa";
  const certPem = await ca.sign({
    subject: "",
    keyPair,
    isCa: false,
    usages: isRsa ? digitalSignature | keyEncipherment | keyAgreement : digitalSignature,
    extendedUsages: [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth],
    names: uris.map((value) => ({ type: "url", value })),
    notBefore,
    notAfter,
  });
  return { certPem, keyPem: privateKeyPem(keyPair.privateKey), notBefore, notAfter, uris };
}
