import type { MeshSpec, Violation } from "@atoll/resource";
import type { ApiOptions } from "./ports.ts";

type Backend = NonNullable<NonNullable<MeshSpec["mtls"]>["backends"]>[number];

/** Where a certificate or key comes from (dataplane.md 1.9). */
interface DataSource {
  secret?: string;
  file?: string;
  inline?: string;
  inlineString?: string;
}

/** Names of the mesh's Secrets a backend keeps its CA in: certificate, then key. */
export function secretsOfBackend(mesh: string, backend: Backend): string[] {
  if (backend.type === "builtin") return ["cert", "key"].map((part) => `${mesh}.ca-builtin-${part}-${backend.name}`);
  const conf = (backend.conf ?? {}) as { cert?: DataSource; key?: DataSource };
  return [conf.cert?.secret, conf.key?.secret].filter((name) => name !== undefined && name !== "") as string[];
}

/** The pair a provided backend names; faults are relative to its `conf`. */
export function loadProvidedCa(
  mesh: string,
  backend: Backend,
  options: ApiOptions,
): { pair: { certPem: string; keyPem: string } } | { faults: Violation[] } {
  const conf = (backend.conf ?? {}) as { cert?: DataSource; key?: DataSource };
  const faults: Violation[] = [];
  for (const part of ["cert", "key"] as const) {
    const source = conf[part];
    if (source === undefined) faults.push({ field: part, reason: "has to be defined" });
    else if (Object.values(source).every((value) => value === undefined || value === "")) {
      faults.push({ field: part, reason: "data source cannot be empty" });
    }
  }
  if (faults.length > 0) return { faults };
  const loaded = { cert: load(mesh, conf.cert!, options), key: load(mesh, conf.key!, options) };
  const missing = [loaded.key, loaded.cert].find((result) => "error" in result);
  if (missing !== undefined && "error" in missing) {
    return { faults: (["cert", "key"] as const).map((field) => ({ field, reason: missing.error })) };
  }
  return { pair: { certPem: (loaded.cert as { pem: string }).pem, keyPem: (loaded.key as { pem: string }).pem } };
}

function load(mesh: string, source: DataSource, options: ApiOptions): { pem: string } | { error: string } {
  if (source.inlineString !== undefined) return { pem: source.inlineString };
  if (source.inline !== undefined) return { pem: Buffer.from(source.inline, "base64").toString() };
  if (source.secret === undefined) return { error: "data source of type file is not supported, use a secret" };
  const secret = options.config.get("Secret", mesh, source.secret);
  const revealed = secret === undefined ? undefined : options.reveal(secret);
  if (revealed === undefined) {
    return { error: `could not load data: Resource not found: type="Secret" name="${source.secret}" mesh="${mesh}"` };
  }
  return { pem: Buffer.from(revealed, "base64").toString() };
}
