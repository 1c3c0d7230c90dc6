import "./reflect-metadata.ts";
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { dirname } from "node:path";
import * as x509 from "@peculiar/x509";
import { buildCertificate } from "./build-certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import { clockSkewMs, type PemPair } from "./mesh-ca.ts";
import { readCertificates, readPrivateKey } from "./pem.ts";
import { generateRsaKey, type KeyPair, privateKeyPem } from "./keys.ts";

const tenYearsMs = 10 * 365 * 24 * 3_600_000;

/** Names by which this machine is reached: its host name, localhost and the addresses of its interfaces. */
export function localServerNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((interfaces) => (interfaces ?? []).map(({ address }) => address));
  return [...new Set([hostname(), "localhost", "127.0.0.1", "::1", ...addresses])];
}

/**
 * Makes the certificate of a server that has none: for all given host names and addresses, and itself a CA, because proxies are
 * given it as the CA they trust.
 */
export const createServerCertificate = (options: { names: readonly string[]; nowMs: number }): Promise<PemPair> =>
  createSelfSignedCertificate({ subject: "CN=atoll-control-plane", keyPair: generateRsaKey, usage: "serverAuth", ...options });

export interface SelfSignedOptions {
  /** Distinguished name; "" = the names alone. */
  subject: string;
  keyPair: () => Promise<KeyPair>;
  usage: "serverAuth" | "clientAuth";
  /** Host names and addresses. */
  names: readonly string[];
  nowMs: number;
  /** Default: ten years. */
  lifetimeMs?: number;
}

/** A certificate that is its own CA. */
export async function createSelfSignedCertificate(options: SelfSignedOptions): Promise<PemPair> {
  const keyPair = await options.keyPair();
  const { digitalSignature, keyEncipherment, keyCertSign } = x509.KeyUsageFlags;
  const certPem = await buildCertificate({
    subject: options.subject,
    keyPair,
    isCa: true,
    usages: digitalSignature | keyEncipherment | keyCertSign,
    extendedUsages: [x509.ExtendedKeyUsage[options.usage]],
    // The zone of a link-local IPv6 address is not part of it.
    names: options.names.map((name) => {
      const [address = ""] = name.split("%");
      return isIP(address) === 0 ? { type: "dns", value: name } : { type: "ip", value: address };
    }),
    notBefore: new Date(options.nowMs - clockSkewMs),
    notAfter: new Date(options.nowMs + (options.lifetimeMs ?? tenYearsMs)),
  });
  return { certPem, keyPem: privateKeyPem(keyPair.privateKey) };
}

/** Reads a server's certificate and key. Throws `CertificateError` naming the file if one is absent, malformed, or they do not match. */
export async function readServerCertificate(certFile: string, keyFile: string): Promise<PemPair> {
  const read = async (path: string) => {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      throw new CertificateError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
    }
  };
  const [certPem, keyPem] = await Promise.all([read(certFile), read(keyFile)]);
  const [certificate] = readCertificates(certPem, certFile);
  if (certificate?.checkPrivateKey(readPrivateKey(keyPem, keyFile)) !== true)
    throw new CertificateError(`${keyFile} is not the key of ${certFile}`);
  return { certPem, keyPem };
}

/**
 * The self-signed certificate of this installation, kept in one file (certificate, then key; mode 0600): proxies that trust it must
 * find it again after a restart. Made when absent; made anew when expired. Names that have changed since do not replace it.
 */
export async function loadOrCreateServerCertificate(options: { file: string; names: readonly string[]; nowMs: number }): Promise<PemPair> {
  const { file } = options;
  let replace = false;
  try {
    const text = await readFile(file, "utf8");
    const [certificate] = readCertificates(text, file);
    const key = readPrivateKey(text, file);
    if (certificate !== undefined && certificate.checkPrivateKey(key) && Date.parse(certificate.validTo) > options.nowMs) {
      return { certPem: certificate.toString(), keyPem: key.export({ type: "pkcs8", format: "pem" }) as string };
    }
    replace = true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const pair = await createServerCertificate(options);
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  const written = await open(temporary, "wx", 0o600);
  try {
    await written.writeFile(pair.certPem + pair.keyPem);
    await written.sync();
  } finally {
    await written.close();
  }
  if (replace) {
    await rename(temporary, file);
    return pair;
  }
  try {
    // A link fails if the name is taken: of processes that start together, all use the first one's certificate.
    await link(temporary, file);
    return pair;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return await loadOrCreateServerCertificate(options);
  } finally {
    await unlink(temporary);
  }
}
