import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalHost } from "@atoll/resource";
import { readCertificates } from "./pem.ts";
import type { PemPair } from "./mesh-ca.ts";
import { loadOrCreateServerCertificate, localServerNames, readServerCertificate } from "./server-certificate.ts";

export interface ServiceCertificateOptions {
  workDir: string;
  /** A certificate of one's own; both or none. */
  tlsCertFile?: string;
  tlsKeyFile?: string;
  nowMs: number;
}

export interface ServiceCertificate extends PemPair {
  /** Host names and addresses it is valid for. */
  names: string[];
}

/**
 * The certificate a service presents: the configured one, or a self-signed one kept in `<workDir>/tls.pem`. Its public part is also
 * in `<workDir>/tls.crt`, to be given to whoever has to trust it.
 */
export async function loadServiceCertificate(options: ServiceCertificateOptions): Promise<ServiceCertificate> {
  const { workDir, tlsCertFile, tlsKeyFile, nowMs } = options;
  const configured = await configuredCertificate({ tlsCertFile, tlsKeyFile }, "general");
  if (configured !== undefined) return configured;
  const pair = await loadOrCreateServerCertificate({ file: join(workDir, "tls.pem"), names: localServerNames(), nowMs });
  await mkdir(workDir, { recursive: true });
  await writeFile(join(workDir, "tls.crt"), pair.certPem);
  return named(pair);
}

/**
 * The certificate that settings name, for a service that presents one of its own; undefined if they name none. `setting` is the path
 * of the two files, for the error if one of them is missing.
 */
export async function configuredCertificate(
  { tlsCertFile, tlsKeyFile }: { tlsCertFile?: string; tlsKeyFile?: string },
  setting: string,
): Promise<ServiceCertificate | undefined> {
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined))
    throw new Error(`${setting}.tlsCertFile and ${setting}.tlsKeyFile have to be given together`);
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return undefined;
  return named(await readServerCertificate(tlsCertFile, tlsKeyFile));
}

function named(pair: PemPair): ServiceCertificate {
  const alternative = readCertificates(pair.certPem)[0]?.subjectAltName ?? "";
  const names = alternative.split(", ").flatMap((entry) => {
    const at = entry.indexOf(":");
    return entry.startsWith("DNS:") || entry.startsWith("IP Address:") ? [canonicalHost(entry.slice(at + 1))] : [];
  });
  return { ...pair, names };
}
