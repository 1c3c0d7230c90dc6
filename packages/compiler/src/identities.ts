import { identityUris, issueLeaf, parseLifetimeMs, renewAtMs, type Identity, type LeafCertificate } from "@atoll/certificate";
import type { MeshAuthority } from "./mesh-authorities.ts";

export interface IssuedCertificate {
  mesh: string;
  expires: Date;
  backend: string;
  supportedBackends: string[];
}

export interface IdentitiesOptions {
  /** Milliseconds since the epoch. */
  now: () => number;
  onIssued: (nodeId: string, issued: IssuedCertificate) => void;
  /** No certificate could be issued; the proxy keeps what it has, and another try follows. */
  onError: (error: unknown, nodeId: string, secret: string) => void;
}

export interface IdentityRequest {
  identity: Identity;
  authority: MeshAuthority;
  /** As the mesh states it. */
  lifetime: string | undefined;
}

interface Held {
  /** What it was issued for; another text = it has to be replaced. */
  wanted: string;
  request: IdentityRequest;
  leaf: LeafCertificate | undefined;
  issuing: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Longest delay a timer takes (2^31 - 1 ms). */
const longestTimerMs = 2_147_483_647;
const retryMs = 5_000;
/** More at a time would make all wait for the last when a whole zone connects. */
const issuedAtATime = 4;

/**
 * Identity certificates of proxies: issued in the background, replaced when what they state or their CA changes, and when four fifths
 * of their life are over. The old one serves until the new one is there.
 */
export class Identities {
  readonly #options: IdentitiesOptions;
  readonly #held = new Map<string, Map<string, Held>>();
  readonly #queue: (() => void)[] = [];
  #busy = 0;

  constructor(options: IdentitiesOptions) {
    this.#options = options;
  }

  /** The certificate as it is; undefined while the first one is being issued: `onIssued` tells when it is there. */
  get(nodeId: string, name: string, request: IdentityRequest): LeafCertificate | undefined {
    let ofNode = this.#held.get(nodeId);
    if (ofNode === undefined) this.#held.set(nodeId, (ofNode = new Map()));
    const wanted = JSON.stringify([identityUris(request.identity), request.authority.id, request.lifetime]);
    const present = ofNode.get(name);
    if (present?.wanted === wanted) return present.leaf;
    clearTimeout(present?.timer);
    const held: Held = { wanted, request, leaf: present?.leaf, issuing: false, timer: undefined };
    ofNode.set(name, held);
    this.#issue(nodeId, name, held);
    return held.leaf;
  }

  /** Forgets the certificates of a proxy, all but those of these names. */
  release(nodeId: string, except?: ReadonlySet<string>): void {
    const ofNode = this.#held.get(nodeId);
    for (const [name, { timer }] of ofNode ?? []) {
      if (except?.has(name)) continue;
      clearTimeout(timer);
      ofNode?.delete(name);
    }
    if (ofNode?.size === 0) this.#held.delete(nodeId);
  }

  close(): void {
    for (const nodeId of [...this.#held.keys()]) this.release(nodeId);
    this.#queue.length = 0;
  }

  #isWanted(nodeId: string, name: string, held: Held): boolean {
    return this.#held.get(nodeId)?.get(name) === held;
  }

  #issue(nodeId: string, name: string, held: Held): void {
    if (held.issuing) return;
    held.issuing = true;
    this.#queue.push(() => {
      this.#make(nodeId, name, held)
        .catch((error: unknown) => {
          if (!this.#isWanted(nodeId, name, held)) return;
          this.#options.onError(error, nodeId, name);
          this.#after(retryMs, nodeId, name, held);
        })
        .finally(() => {
          held.issuing = false;
          this.#busy--;
          this.#work();
        });
    });
    this.#work();
  }

  #work(): void {
    while (this.#busy < issuedAtATime && this.#queue.length > 0) {
      this.#busy++;
      this.#queue.shift()!();
    }
  }

  async #make(nodeId: string, name: string, held: Held): Promise<void> {
    if (!this.#isWanted(nodeId, name, held)) return;
    const { identity, authority, lifetime } = held.request;
    const nowMs = this.#options.now();
    if (authority.authority.notAfter.getTime() <= nowMs)
      throw new Error(`the CA of mesh ${identity.mesh} expired at ${authority.authority.notAfter.toISOString()}`);
    const lifetimeMs = parseLifetimeMs(lifetime);
    const leaf = await issueLeaf(authority.authority, { identity, nowMs, ...(lifetimeMs !== undefined && { lifetimeMs }) });
    if (!this.#isWanted(nodeId, name, held)) return;
    held.leaf = leaf;
    this.#after(renewAtMs(leaf) - nowMs, nodeId, name, held);
    const { backend } = authority;
    this.#options.onIssued(nodeId, { mesh: identity.mesh, expires: leaf.notAfter, backend, supportedBackends: [backend] });
  }

  /** A timer can be too short for a long life, and early after the machine slept: what counts is the clock. */
  #after(delayMs: number, nodeId: string, name: string, held: Held): void {
    const dueMs = this.#options.now() + delayMs;
    held.timer = setTimeout(
      () => {
        const leftMs = dueMs - this.#options.now();
        if (leftMs > 0) this.#after(leftMs, nodeId, name, held);
        else if (this.#isWanted(nodeId, name, held)) this.#issue(nodeId, name, held);
      },
      Math.min(Math.max(delayMs, 100), longestTimerMs),
    );
    held.timer.unref();
  }
}
