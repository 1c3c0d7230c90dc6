import { createHash } from "node:crypto";
import { caSourceOf, CertificateAuthority, type CaSource } from "@atoll/certificate";
import type { ResourceReader } from "@atoll/replica";
import type { MeshSpec, Resource } from "@atoll/resource";
import type { FormerAuthority } from "./former-authorities.ts";
import type { SecretBytes } from "./secret-bytes.ts";

/** The CA that signs for a mesh, and all that its proxies are to trust. */
export interface MeshAuthority {
  authority: CertificateAuthority;
  backend: string;
  /** Another one = certificates of this mesh have to be replaced. */
  id: string;
  trustPem: string;
  /** Why what is configured is not in effect; undefined if it is, or soon will be. */
  problem: unknown;
}

export interface MeshAuthoritiesOptions {
  config: ResourceReader;
  secrets: SecretBytes;
  /** A new CA is trusted for this long before it signs. */
  trustLeadMs: number;
  /** And the one before it for this long after. */
  trustOverlapMs: number;
  /** What meshes had before this process began, by mesh, newest first. */
  former?: ReadonlyMap<string, readonly FormerAuthority[]> | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** What `get` answers for the mesh changed with time. */
  onChange: (mesh: string) => void;
}

interface Signer {
  id: string;
  authority: CertificateAuthority;
  backend: string;
}

interface State {
  signing: Signer;
  /** Trusted, and soon to sign. */
  next: Signer | undefined;
  /** Signs no more, and is still trusted. */
  retired: readonly Signer[];
  timers: Set<NodeJS.Timeout>;
  /** The last answer, and the resources it was read from. */
  answer: { of: Wanted; is: MeshAuthority } | undefined;
}

/** Where a mesh's CA is now. Resources are immutable, so the same ones hold the same CA. */
interface Wanted {
  backend: string;
  source: CaSource;
  resources: readonly (Resource | undefined)[];
}

/**
 * The CAs of meshes. When a mesh's CA is replaced, first everybody comes to trust both, then certificates are replaced, and only then
 * the old one is dropped: no two proxies ever meet with certificates that one of them does not trust, in this zone or another.
 * A CA that cannot be read any more goes on as it was.
 */
export class MeshAuthorities {
  readonly #options: MeshAuthoritiesOptions;
  readonly #states = new Map<string, State>();

  constructor(options: MeshAuthoritiesOptions) {
    this.#options = options;
  }

  /**
   * Throws if the mesh has no CA, or one that could never be read. `problem` says why what is configured now is not what is answered.
   */
  get(mesh: string): MeshAuthority {
    const wanted = this.#wanted(mesh);
    let state = this.#states.get(mesh);
    const last = state?.answer;
    if (last !== undefined && last.of.resources.every((one, index) => one === wanted.resources[index])) return last.is;
    let problem: unknown;
    try {
      state = this.#advance(mesh, state, wanted);
    } catch (error) {
      // Its certificate and key may be written one after the other.
      if (state?.signing.backend !== wanted.backend) throw error;
      problem = error;
    }
    const { signing, next, retired } = state;
    const trustPem = distinct([signing, ...(next ? [next] : []), ...retired].map(({ authority }) => authority.trustPem));
    const is: MeshAuthority = { authority: signing.authority, backend: signing.backend, id: signing.id, trustPem, problem };
    state.answer = { of: wanted, is };
    return is;
  }

  close(): void {
    for (const mesh of [...this.#states.keys()]) this.#forget(mesh);
  }

  #wanted(meshName: string): Wanted {
    const { config } = this.#options;
    const mesh = config.get<MeshSpec>("Mesh", "", meshName);
    const backend = mesh?.spec.mtls?.backends?.find((one) => one.name === mesh.spec.mtls?.enabledBackend);
    const source = backend === undefined ? undefined : caSourceOf(meshName, backend as never);
    if (backend === undefined || source === undefined) {
      this.#forget(meshName);
      throw new Error(`mesh ${meshName} has no CA`);
    }
    const secrets = [source.cert.secret, source.key.secret].map((name) =>
      name === undefined ? undefined : config.get("Secret", meshName, name),
    );
    return { backend: backend.name, source, resources: [mesh, ...secrets] };
  }

  #advance(mesh: string, state: State | undefined, { backend, source }: Wanted): State {
    const [certPem, keyPem] = [source.cert, source.key].map((from) => Buffer.from(this.#options.secrets.read(mesh, from)).toString("utf8"));
    const id = idOf(backend, certPem!, keyPem!);
    if (state !== undefined && (state.next ?? state.signing).id === id) return state;
    const signer: Signer = { id, backend, authority: CertificateAuthority.load({ certPem: certPem!, keyPem: keyPem! }) };
    // Another backend: mutual TLS was off in between, and nobody holds a certificate of the old one.
    if (state === undefined || state.signing.backend !== backend) {
      this.#forget(mesh);
      const fresh: State = { signing: signer, next: undefined, retired: [], timers: new Set(), answer: undefined };
      if (state === undefined) this.#resume(mesh, fresh);
      this.#states.set(mesh, fresh);
      return fresh;
    }
    const retired = state.next === undefined ? state.retired : [...state.retired, state.next];
    state.next = signer;
    state.retired = retired;
    this.#signLater(mesh, state, signer, this.#options.trustLeadMs);
    return state;
  }

  /** Goes on where a process that began before the CA was last replaced would be by now. */
  #resume(mesh: string, state: State): void {
    const { former, now, trustLeadMs, trustOverlapMs } = this.#options;
    const current = state.signing;
    const known = (former?.get(mesh) ?? [])
      .map((one) => ({ ...one, leftMs: one.replacedAtMs + trustLeadMs + trustOverlapMs - now() }))
      .filter(({ backend, leftMs }) => backend === current.backend && leftMs > 0);
    const signers = known.flatMap(({ backend, certPem, keyPem, leftMs, replacedAtMs }) => {
      try {
        const authority = CertificateAuthority.load({ certPem, keyPem });
        return [{ signer: { id: idOf(backend, certPem, keyPem), backend, authority }, leftMs, replacedAtMs }];
      } catch {
        return [];
      }
    });
    const [last] = signers;
    if (last === undefined) return;
    state.retired = signers.map(({ signer }) => signer);
    const leadMs = last.replacedAtMs + trustLeadMs - now();
    if (leadMs > 0) {
      state.signing = last.signer;
      state.next = current;
      state.retired = state.retired.slice(1);
      this.#signLater(mesh, state, current, leadMs);
    } else this.#dropLater(mesh, state, last.signer, last.leftMs);
  }

  #signLater(mesh: string, state: State, signer: Signer, delayMs: number): void {
    this.#later(mesh, state, delayMs, () => {
      if (state.next !== signer) return false;
      const before = state.signing;
      state.signing = signer;
      state.next = undefined;
      state.retired = [...state.retired, before];
      this.#dropLater(mesh, state, before, this.#options.trustOverlapMs);
      return true;
    });
  }

  #dropLater(mesh: string, state: State, before: Signer, delayMs: number): void {
    this.#later(mesh, state, delayMs, () => {
      state.retired = state.next === undefined ? [] : state.retired.filter((one) => one !== before);
      return true;
    });
  }

  #later(mesh: string, state: State, delayMs: number, step: () => boolean): void {
    const timer = setTimeout(() => {
      state.timers.delete(timer);
      if (!step()) return;
      state.answer = undefined;
      this.#options.onChange(mesh);
    }, delayMs);
    timer.unref();
    state.timers.add(timer);
  }

  #forget(mesh: string): void {
    for (const timer of this.#states.get(mesh)?.timers ?? []) clearTimeout(timer);
    this.#states.delete(mesh);
  }
}

const idOf = (backend: string, certPem: string, keyPem: string): string =>
  createHash("sha256").update(`${backend}\n${certPem}\n${keyPem}`).digest("hex");

function distinct(pems: readonly string[]): string {
  const blocks = pems.flatMap((pem) => pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []);
  return [...new Set(blocks)].map((block) => `${block}\n`).join("");
}
