import { builtinCaSecretNames } from "./mesh-ca.ts";

/** Where a value is: a Secret of the mesh, or in place. */
export interface DataSource {
  secret?: string;
  /** Base64. */
  inline?: string;
  inlineString?: string;
  file?: string;
}

/** The part of an mTLS backend that says where its CA is. */
export interface CaBackend {
  name: string;
  type: string;
  conf?: { cert?: DataSource; key?: DataSource } | Record<string, unknown>;
}

export type CaSource = { cert: DataSource; key: DataSource };

/** Where the CA of a backend is kept; undefined if the backend is not of a known type or lacks its configuration. */
export function caSourceOf(mesh: string, backend: CaBackend): CaSource | undefined {
  if (backend.type === "builtin") {
    const names = builtinCaSecretNames(mesh, backend.name);
    return { cert: { secret: names.cert }, key: { secret: names.key } };
  }
  const { cert, key } = (backend.conf ?? {}) as Partial<CaSource>;
  return backend.type === "provided" && cert !== undefined && key !== undefined ? { cert, key } : undefined;
}

/** The bytes of a data source; `readSecret` gives those of a Secret of the mesh. Undefined if it is absent, or is a file of another machine. */
export function readDataSource(source: DataSource, readSecret: (name: string) => Uint8Array | undefined): Uint8Array | undefined {
  if (source.secret !== undefined) return readSecret(source.secret);
  if (source.inline !== undefined) return Buffer.from(source.inline, "base64");
  if (source.inlineString !== undefined) return Buffer.from(source.inlineString);
  return undefined;
}
