import { SecretSchema } from "@atoll/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  caSourceOf,
  CertificateAuthority,
  identityUris,
  issueLeaf,
  parseGatewayBundle,
  parseLifetimeMs,
  readDataSource,
  renewAtMs,
  type Identity,
  type LeafCertificate,
} from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import { tag, type MeshSpec } from "@atoll/resource";
import { unsealSecret, type KeyRing } from "@atoll/secret";
import { translateSecret, type SecretMaterial } from "@atoll/translate";
import type { SecretView } from "@atoll/view";
import { encodeResource, type EncodedResource } from "@atoll/xds";

export interface SecretMaterialsOptions {
  config: ResourceReader;
  keyRing: KeyRing;
  now: () => number;
  /** A proxy's identity certificate was issued: its snapshot can be built (again). */
  onIssued: (nodeId: string, issued: IssuedCertificate) => void;
  /** A secret that a proxy needs can't be made; the proxy keeps what it has. */
  onError: (error: unknown, nodeId: string, secret: string) => void;
}

export interface IssuedCertificate {
  mesh: string;
  expires: Date;
  backend: string;
  supportedBackends: string[];
}

interface IssuedIdentity {
  /** What it was issued for; another text = it has to be replaced. */
  wanted: string;
  encoded: EncodedResource | undefined;
  issuing: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Longest delay a timer takes (2^31 - 1 ms). */
const longestTimerMs = 2_147_483_647;

/**
 * Turns the secrets that views name into Envoy secrets. CAs and gateway certificates are read from the configuration as it is;
 * identity certificates are issued in the background, kept per proxy, and replaced when four fifths of their life are over.
 */
export class SecretMaterials {
  readonly #options: SecretMaterialsOptions;
  readonly #identities = new Map<string, Map<string, IssuedIdentity>>();
  readonly #authorities = new Map<string, { source: string; authority: CertificateAuthority; backend: string }>();
  /** A resource is immutable: a secret that did not change is opened once, not for every proxy and every change. */
  readonly #opened = new WeakMap<object, Uint8Array>();
  readonly #encoded = new Map<string, { material: string; resource: EncodedResource }>();

  constructor(options: SecretMaterialsOptions) {
    this.#options = options;
  }

  /** The secrets as they are now. `pending` names those that are being issued for the first time: wait for `onIssued`. */
  resolve(nodeId: string, views: readonly SecretView[]): { resources: EncodedResource[]; pending: string[] } {
    const resources: EncodedResource[] = [];
    const pending: string[] = [];
    const identities = new Set<string>();
    for (const view of views) {
      try {
        if (view.source.type === "identity") {
          identities.add(view.name);
          const encoded = this.#identity(nodeId, view.name, view.source);
          if (encoded === undefined) pending.push(view.name);
          else resources.push(encoded);
        } else {
          resources.push(
            this.#encode(
              `${view.source.type === "allMeshCas" ? "" : view.source.mesh}|${view.name}`,
              view.name,
              this.#material(view.source),
            ),
          );
        }
      } catch (error) {
        this.#options.onError(error, nodeId, view.name);
        // Another mesh's broken CA must not keep this proxy from its own: nobody can be verified with it.
        if (view.source.type === "meshCa" || view.source.type === "allMeshCas")
          resources.push(this.#encode(`broken|${view.name}`, view.name, { caPem: "" }));
      }
    }
    for (const [name, issued] of this.#identities.get(nodeId) ?? []) if (!identities.has(name)) this.#forget(nodeId, name, issued);
    return { resources, pending };
  }

  /** The proxy is gone: its certificates are forgotten. */
  release(nodeId: string): void {
    for (const [name, issued] of this.#identities.get(nodeId) ?? []) this.#forget(nodeId, name, issued);
    this.#identities.delete(nodeId);
  }

  close(): void {
    for (const nodeId of [...this.#identities.keys()]) this.release(nodeId);
  }

  #forget(nodeId: string, name: string, issued: IssuedIdentity): void {
    clearTimeout(issued.timer);
    this.#identities.get(nodeId)?.delete(name);
  }

  #identity(nodeId: string, name: string, source: Extract<SecretView["source"], { type: "identity" }>): EncodedResource | undefined {
    const { authority, backend, source: caSource } = this.#authority(source.mesh);
    const identity: Identity = { mesh: source.mesh, tags: { ...groupTags(source.tags), [tag.service]: source.services } };
    const mesh = this.#options.config.get<MeshSpec>("Mesh", "", source.mesh)!;
    const lifetime = mesh.spec.mtls?.backends?.find((one) => one.name === backend)?.dpCert?.rotation?.expiration;
    const wanted = JSON.stringify([identityUris(identity), caSource, lifetime]);
    const ofNode = this.#identities.get(nodeId) ?? new Map<string, IssuedIdentity>();
    this.#identities.set(nodeId, ofNode);
    let issued = ofNode.get(name);
    if (issued?.wanted !== wanted) {
      clearTimeout(issued?.timer);
      // The old certificate goes on being served until the new one is there.
      issued = { wanted, encoded: issued?.encoded, issuing: false, timer: undefined };
      ofNode.set(name, issued);
    }
    if (!issued.issuing && issued.timer === undefined) {
      this.#issue(nodeId, name, issued, authority, { identity, backend, lifetimeMs: parseLifetimeMs(lifetime) }).catch((error) =>
        this.#options.onError(error, nodeId, name),
      );
    }
    return issued.encoded;
  }

  async #issue(
    nodeId: string,
    name: string,
    issued: IssuedIdentity,
    authority: CertificateAuthority,
    wanted: { identity: Identity; backend: string; lifetimeMs: number | undefined },
  ): Promise<void> {
    issued.issuing = true;
    let leaf: LeafCertificate;
    try {
      leaf = await issueLeaf(authority, { identity: wanted.identity, nowMs: this.#options.now(), lifetimeMs: wanted.lifetimeMs });
      if (this.#identities.get(nodeId)?.get(name) !== issued) return;
      issued.encoded = this.#encode(`${nodeId}|${name}`, name, { certificateChainPem: leaf.certPem, privateKeyPem: leaf.keyPem });
      this.#scheduleRenewal(nodeId, name, issued, leaf, authority, wanted);
    } finally {
      issued.issuing = false;
    }
    this.#options.onIssued(nodeId, {
      mesh: wanted.identity.mesh,
      expires: leaf.notAfter,
      backend: wanted.backend,
      supportedBackends: [wanted.backend],
    });
  }

  #scheduleRenewal(
    nodeId: string,
    name: string,
    issued: IssuedIdentity,
    leaf: LeafCertificate,
    authority: CertificateAuthority,
    wanted: { identity: Identity; backend: string; lifetimeMs: number | undefined },
  ): void {
    const waitMs = Math.max(0, renewAtMs(leaf) - this.#options.now());
    issued.timer = setTimeout(
      () => {
        if (renewAtMs(leaf) > this.#options.now()) return this.#scheduleRenewal(nodeId, name, issued, leaf, authority, wanted);
        issued.timer = undefined;
        this.#issue(nodeId, name, issued, authority, wanted).catch((error) => this.#options.onError(error, nodeId, name));
      },
      Math.min(waitMs, longestTimerMs),
    );
    issued.timer.unref();
  }

  #material(source: Exclude<SecretView["source"], { type: "identity" }>): SecretMaterial {
    switch (source.type) {
      case "meshCa":
        return { caPem: this.#authority(source.mesh).authority.trustPem };
      case "allMeshCas": {
        const meshes = this.#options.config.list<MeshSpec>("Mesh").filter((mesh) => mesh.spec.mtls?.enabledBackend);
        const pems = meshes.map((mesh) => {
          try {
            return this.#authority(mesh.name).authority.trustPem;
          } catch {
            return ""; // reported where that mesh's own proxies are built
          }
        });
        return { caPem: pems.join("") };
      }
      case "bundle": {
        const bundle = parseGatewayBundle(this.#read(source.mesh, source.data));
        return { certificateChainPem: bundle.certificateChain, privateKeyPem: bundle.privateKey };
      }
      case "keyPair":
        return {
          certificateChainPem: text(this.#read(source.mesh, source.certificate)),
          privateKeyPem: text(this.#read(source.mesh, source.key)),
        };
      case "ca":
        return { caPem: text(this.#read(source.mesh, source.data)) };
    }
  }

  /** The CA of the mesh's enabled backend, loaded again only when it changed. */
  #authority(meshName: string): { source: string; authority: CertificateAuthority; backend: string } {
    const mesh = this.#options.config.get<MeshSpec>("Mesh", "", meshName);
    const backend = mesh?.spec.mtls?.backends?.find((one) => one.name === mesh.spec.mtls?.enabledBackend);
    const caSource = backend === undefined ? undefined : caSourceOf(meshName, backend as never);
    if (backend === undefined || caSource === undefined) throw new Error(`mesh ${meshName} has no CA`);
    const certPem = text(this.#read(meshName, caSource.cert as never));
    const keyPem = text(this.#read(meshName, caSource.key as never));
    const source = `${backend.name}\n${certPem}`;
    const known = this.#authorities.get(meshName);
    if (known?.source === source) return known;
    const loaded = { source, authority: CertificateAuthority.load({ certPem, keyPem }), backend: backend.name };
    this.#authorities.set(meshName, loaded);
    return loaded;
  }

  #read(mesh: string, source: Parameters<typeof readDataSource>[0]): Uint8Array {
    const bytes = readDataSource(source, (name) => {
      const secret = this.#options.config.get("Secret", mesh, name);
      if (secret === undefined) return undefined;
      let opened = this.#opened.get(secret);
      if (opened === undefined) {
        opened = unsealSecret(this.#options.keyRing, secret);
        this.#opened.set(secret, opened);
      }
      return opened;
    });
    if (bytes === undefined)
      throw new Error(
        source.secret === undefined
          ? `a data source of mesh ${mesh} cannot be read here`
          : `secret ${source.secret} of mesh ${mesh} is not found`,
      );
    return bytes;
  }

  /** The same bytes as long as the material is the same. */
  #encode(key: string, name: string, material: SecretMaterial): EncodedResource {
    const content = JSON.stringify(material);
    const known = this.#encoded.get(key);
    if (known?.material === content) return known.resource;
    const resource = encodeResource(SecretSchema, name, translateSecret(name, material));
    this.#encoded.set(key, { material: content, resource });
    return resource;
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

function groupTags(tags: readonly (readonly [string, string])[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {};
  for (const [key, value] of tags) (grouped[key] ??= []).push(value);
  return grouped;
}
