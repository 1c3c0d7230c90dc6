import { parseGatewayBundle, readDataSource, type GatewayBundle } from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import type { Resource } from "@atoll/resource";
import { unsealSecret, type KeyRing } from "@atoll/secret";

type DataSource = Parameters<typeof readDataSource>[0];

/** Reads data sources. A resource is immutable, so a secret that did not change is opened once, not for every proxy and every change. */
export class SecretBytes {
  readonly #config: ResourceReader;
  readonly #keyRing: KeyRing;
  readonly #opened = new WeakMap<Resource, Uint8Array>();
  readonly #keyTypes = new Map<string, { secret: Resource; type: GatewayBundle["keyType"] | undefined }>();

  constructor(config: ResourceReader, keyRing: KeyRing) {
    this.#config = config;
    this.#keyRing = keyRing;
  }

  /** Throws if the source is absent, is a file of another machine, or is sealed with a key that this zone does not have. */
  read(mesh: string, source: DataSource): Uint8Array {
    const bytes = readDataSource(source, (name) => {
      const secret = this.#config.get("Secret", mesh, name);
      return secret && this.#open(secret);
    });
    if (bytes !== undefined) return bytes;
    if (source.secret === undefined) throw new Error(`a data source of mesh ${mesh} cannot be read here`);
    throw new Error(`secret ${source.secret} of mesh ${mesh} is not found`);
  }

  /** Key type of the certificate that a secret holds, or held before it was spoilt; undefined if it never held one. */
  certificateKeyType(mesh: string, name: string): GatewayBundle["keyType"] | undefined {
    const key = `${mesh}|${name}`;
    const known = this.#keyTypes.get(key);
    const secret = this.#config.get("Secret", mesh, name);
    if (secret === undefined || known?.secret === secret) return known?.type;
    let type = known?.type;
    try {
      type = parseGatewayBundle(this.#open(secret)).keyType;
    } catch {
      // Said where the certificate is made.
    }
    this.#keyTypes.set(key, { secret, type });
    return type;
  }

  #open(secret: Resource): Uint8Array {
    let bytes = this.#opened.get(secret);
    if (bytes === undefined) {
      bytes = unsealSecret(this.#keyRing, secret);
      this.#opened.set(secret, bytes);
    }
    return bytes;
  }
}
