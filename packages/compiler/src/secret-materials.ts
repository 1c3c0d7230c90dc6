import { SecretSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { createBuiltinCa, parseGatewayBundle, type AdminTls } from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import { tag, type MeshSpec } from "@atoll/resource";
import type { KeyRing } from "@atoll/secret";
import { translateSecret, type SecretMaterial } from "@atoll/translate";
import type { SecretView } from "@atoll/view";
import { encodeResource, type EncodedResource } from "@atoll/xds";
import type { FormerAuthority } from "./former-authorities.ts";
import { Identities, type IssuedCertificate } from "./identities.ts";
import { MeshAuthorities } from "./mesh-authorities.ts";
import { SecretBytes } from "./secret-bytes.ts";

const defaultTrust = { leadMs: 5_000, overlapMs: 600_000 };

/** How long after its replacement a CA still matters, by default. */
export const formerAuthorityMs = defaultTrust.leadMs + defaultTrust.overlapMs;

export interface SecretMaterialsOptions {
  config: ResourceReader;
  keyRing: KeyRing;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** A proxy's identity certificate was issued: its snapshot can be built (again). */
  onIssued: (nodeId: string, issued: IssuedCertificate) => void;
  /** Secrets of some proxies changed with time: all snapshots have to be looked at. */
  onChanged: () => void;
  /** A secret that a proxy needs can't be made as configured; called once for each reason. */
  onError: (error: unknown, nodeId: string, secret: string) => void;
  /** For admin listeners of Envoys; without it they are not served. */
  adminTls?: AdminTls;
  /** CAs that meshes had before this process began. */
  formerAuthorities?: ReadonlyMap<string, readonly FormerAuthority[]>;
  /** How long a new CA is trusted before it signs. Default 5 s. */
  trustLeadMs?: number;
  /** How long the CA before it stays trusted after that. Default ten minutes. */
  trustOverlapMs?: number;
}

export interface ResolvedSecrets {
  resources: EncodedResource[];
  /** Being made for the first time: wait for `onIssued` or `onChanged`. */
  pending: string[];
  /** Can't be made, and never could: who names them can't be served. */
  failed: string[];
}

type Source<Type extends SecretView["source"]["type"]> = Extract<SecretView["source"], { type: Type }>;

/**
 * Turns the secrets that views name into Envoy secrets. What can't be read any more stays as it was; a CA that never could be read is
 * trusted for nobody, so that another mesh's broken CA does not keep a proxy from its own.
 */
export class SecretMaterials {
  readonly #options: SecretMaterialsOptions;
  readonly #config: ResourceReader;
  #reader: ResourceReader;
  readonly #bytes: SecretBytes;
  readonly #authorities: MeshAuthorities;
  readonly #identities: Identities;
  readonly #encoded = new Map<string, { material: SecretMaterial; resource: EncodedResource }>();
  readonly #ofNodes = new WeakMap<object, EncodedResource>();
  readonly #reported = new Map<string, string>();
  #nobodyPem: string | undefined;
  #makingNobody = false;

  constructor(options: SecretMaterialsOptions) {
    this.#options = options;
    const {
      keyRing,
      now,
      onIssued,
      onError,
      onChanged,
      trustLeadMs = defaultTrust.leadMs,
      trustOverlapMs = defaultTrust.overlapMs,
    } = options;
    this.#reader = options.config;
    const config: ResourceReader = {
      get: (type, mesh, name) => this.#reader.get(type, mesh, name),
      list: (type, mesh) => this.#reader.list(type, mesh),
    };
    this.#config = config;
    this.#bytes = new SecretBytes(config, keyRing);
    this.#authorities = new MeshAuthorities({
      ...{ config, secrets: this.#bytes, trustLeadMs, trustOverlapMs, now, onChange: onChanged },
      former: options.formerAuthorities,
    });
    this.#identities = new Identities({ now, onIssued, onError });
  }

  /** From now on the configuration is read through this reader, which notes who is made from what. */
  readThrough(reader: ResourceReader): void {
    this.#reader = reader;
  }

  /** Key type of a gateway's certificate: a part of its secret's name. */
  certificateKeyType(mesh: string, secret: string): "rsa" | "ecdsa" | undefined {
    return this.#bytes.certificateKeyType(mesh, secret);
  }

  /** The secrets as they are now. */
  resolve(nodeId: string, views: readonly SecretView[]): ResolvedSecrets {
    const resolved: ResolvedSecrets = { resources: [], pending: [], failed: [] };
    const identities = new Set<string>();
    for (const { name, source } of views) {
      if (source.type === "identity") identities.add(name);
      try {
        const resource = source.type === "identity" ? this.#identity(nodeId, name, source) : this.#shared(nodeId, name, source);
        if (resource === undefined) resolved.pending.push(name);
        else resolved.resources.push(resource);
      } catch (error) {
        this.#report(error, nodeId, name);
        const last = source.type === "identity" ? undefined : this.#encoded.get(sharedKey(name, source))?.resource;
        if (last === undefined) resolved.failed.push(name);
        else resolved.resources.push(last);
      }
    }
    this.#identities.release(nodeId, identities);
    return resolved;
  }

  /** The proxy is gone: its certificates are forgotten. */
  release(nodeId: string): void {
    this.#identities.release(nodeId);
    for (const key of this.#reported.keys()) if (key.startsWith(`${nodeId}|`)) this.#reported.delete(key);
  }

  close(): void {
    this.#identities.close();
    this.#authorities.close();
  }

  #identity(nodeId: string, name: string, source: Source<"identity">): EncodedResource | undefined {
    const authority = this.#authorities.get(source.mesh);
    if (authority.problem !== undefined) this.#report(authority.problem, nodeId, name);
    const mesh = this.#config.get<MeshSpec>("Mesh", "", source.mesh);
    const lifetime = mesh?.spec.mtls?.backends?.find((one) => one.name === authority.backend)?.dpCert?.rotation?.expiration;
    const identity = { mesh: source.mesh, tags: { ...groupTags(source.tags), [tag.service]: source.services } };
    const leaf = this.#identities.get(nodeId, name, { identity, authority, lifetime });
    if (leaf === undefined) return undefined;
    let encoded = this.#ofNodes.get(leaf);
    if (encoded === undefined) {
      encoded = encode(name, { certificateChainPem: leaf.certPem, privateKeyPem: leaf.keyPem });
      this.#ofNodes.set(leaf, encoded);
    }
    return encoded;
  }

  /** A secret that is the same for every proxy; the same bytes as long as its content is the same. */
  #shared(nodeId: string, name: string, source: Exclude<SecretView["source"], Source<"identity">>): EncodedResource | undefined {
    const material = this.#material(nodeId, name, source);
    if (material === undefined) return undefined;
    const key = sharedKey(name, source);
    const known = this.#encoded.get(key);
    if (known !== undefined && sameMaterial(known.material, material)) return known.resource;
    const resource = encode(name, material);
    this.#encoded.set(key, { material, resource });
    return resource;
  }

  #material(nodeId: string, name: string, source: Exclude<SecretView["source"], Source<"identity">>): SecretMaterial | undefined {
    switch (source.type) {
      case "meshCa":
        return this.#trust(nodeId, name, [source.mesh]);
      case "allMeshCas": {
        const meshes = this.#config.list<MeshSpec>("Mesh").filter((mesh) => mesh.spec.mtls?.enabledBackend);
        return this.#trust(
          nodeId,
          name,
          meshes.map((mesh) => mesh.name),
        );
      }
      case "bundle": {
        const bundle = parseGatewayBundle(this.#bytes.read(source.mesh, source.data));
        return { certificateChainPem: bundle.certificateChain, privateKeyPem: bundle.privateKey };
      }
      case "keyPair":
        return {
          certificateChainPem: text(this.#bytes.read(source.mesh, source.certificate)),
          privateKeyPem: text(this.#bytes.read(source.mesh, source.key)),
        };
      case "ca":
        return { caPem: text(this.#bytes.read(source.mesh, source.data)) };
      case "adminServer": {
        const { certPem, keyPem } = this.#adminTls().envoy;
        return { certificateChainPem: certPem, privateKeyPem: keyPem };
      }
      case "adminClients":
        return { caPem: this.#adminTls().caPem };
    }
  }

  #adminTls(): AdminTls {
    const { adminTls } = this.#options;
    if (adminTls === undefined) throw new Error("there is no CA for admin listeners");
    return adminTls;
  }

  #trust(nodeId: string, name: string, meshes: readonly string[]): SecretMaterial | undefined {
    const pems = meshes.flatMap((mesh) => {
      try {
        return this.#authorities.get(mesh).trustPem;
      } catch (error) {
        this.#report(error, nodeId, `${name} (mesh ${mesh})`);
        return [];
      }
    });
    const caPem = pems.length > 0 ? pems.join("") : this.#nobody();
    return caPem === undefined ? undefined : { caPem };
  }

  /**
   * A CA that has signed nothing, and whose key is forgotten. Envoy takes an empty one for the wish to accept everybody.
   */
  #nobody(): string | undefined {
    if (this.#nobodyPem === undefined && !this.#makingNobody) {
      this.#makingNobody = true;
      createBuiltinCa({ mesh: "nobody", nowMs: this.#options.now() }).then(
        ({ certPem }) => {
          this.#nobodyPem = certPem;
          this.#options.onChanged();
        },
        (error: unknown) => this.#options.onError(error, "", "nobody"),
      );
    }
    return this.#nobodyPem;
  }

  /** Once for each reason, not for every proxy that is built and every change. */
  #report(error: unknown, nodeId: string, name: string): void {
    const key = `${nodeId}|${name}`;
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#reported.get(key) === reason) return;
    this.#reported.set(key, reason);
    this.#options.onError(error, nodeId, name);
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

const encode = (name: string, material: SecretMaterial): EncodedResource =>
  encodeResource(SecretSchema, name, translateSecret(name, material));

const sharedKey = (name: string, source: SecretView["source"]): string => `${"mesh" in source ? source.mesh : ""}|${name}`;

function sameMaterial(one: SecretMaterial, other: SecretMaterial): boolean {
  if ("caPem" in one) return "caPem" in other && one.caPem === other.caPem;
  return "privateKeyPem" in other && one.privateKeyPem === other.privateKeyPem && one.certificateChainPem === other.certificateChainPem;
}

function groupTags(tags: readonly (readonly [string, string])[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {};
  for (const [key, value] of tags) (grouped[key] ??= []).push(value);
  return grouped;
}
