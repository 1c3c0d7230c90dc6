import { type DataSource, caSourceOf, readDataSource } from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import type { CertificateAuthorityBackend, Violation } from "@atoll/resource";
import type { ApiOptions } from "./ports.ts";

/** Where the Secrets are that a backend names, and how they are opened. */
export interface SecretSource {
  config: ResourceReader;
  reveal: ApiOptions["reveal"];
}

/** Names of the mesh's Secrets a backend keeps its CA in: certificate, then key. */
export function secretsOfBackend(mesh: string, backend: CertificateAuthorityBackend): string[] {
  const source = caSourceOf(mesh, backend);
  return [source?.cert.secret, source?.key.secret].filter((name) => name !== undefined && name !== "") as string[];
}

/** The pair a provided backend, whose settings are valid, names; faults are relative to its `conf`. */
export function loadProvidedCa(
  mesh: string,
  backend: CertificateAuthorityBackend,
  secrets: SecretSource,
): { pair: { certPem: string; keyPem: string } } | { faults: Violation[] } {
  const conf = backend.conf as { cert: DataSource; key: DataSource };
  const keyPem = load(mesh, conf.key, secrets);
  const certPem = load(mesh, conf.cert, secrets);
  if (typeof keyPem === "string" && typeof certPem === "string") return { pair: { certPem, keyPem } };
  // Peers say it of both, whichever of them is missing.
  const { error } = (typeof keyPem === "string" ? certPem : keyPem) as { error: string };
  return { faults: ["cert", "key"].map((field) => ({ field, reason: error })) };
}

function load(mesh: string, source: DataSource, { config, reveal }: SecretSource): string | { error: string } {
  const bytes = readDataSource(source, (name) => {
    const secret = config.get("Secret", mesh, name);
    const revealed = secret === undefined ? undefined : reveal(secret);
    return revealed === undefined ? undefined : Buffer.from(revealed, "base64");
  });
  if (bytes !== undefined) return Buffer.from(bytes).toString();
  if (source.secret === undefined) return { error: "data source of type file is not supported, use a secret" };
  return { error: `could not load data: Resource not found: type="Secret" name="${source.secret}" mesh="${mesh}"` };
}
