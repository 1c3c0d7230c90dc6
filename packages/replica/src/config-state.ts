import { type KeyString, type Resource, type ResourceKey, keyString, parseKeyString } from "@atoll/resource";
import type { Verdict } from "./change-set.ts";
import type { Outcome } from "./fold.ts";
import { type HeldCapture, HeldValues, type HeldZone } from "./in-effect/held-values.ts";
import type { ResourceReader } from "./reader.ts";
import { RecentMap } from "./recent-map.ts";
import { ResourceTable } from "./resource-table.ts";
import { StateDigest, resourceDigest } from "./state-digest.ts";

/** How many change-set ids are remembered to recognise a retried append. Part of the fold: the same in every process. */
export const rememberedIds = 4096;

const mostUndigested = 256;

/** Everything a snapshot must carry to go on folding as if the log had been read from its start. */
export interface ConfigCapture {
  revision: number;
  checksum: string;
  resources: readonly Resource[];
  /** Oldest first. */
  verdicts: readonly (readonly [id: string, verdict: Verdict])[];
  /** What pinned zones have in place of the resources. Absent: no zone is pinned. */
  held?: readonly HeldCapture[];
}

/** The folded configuration at one revision. Decisions are made by `fold`; this holds their result. */
export class ConfigState implements ResourceReader {
  readonly #table = new ResourceTable();
  readonly #digest = new StateDigest();
  readonly #verdicts = new RecentMap<string, Verdict>(rememberedIds);
  /** Keys written since the digest was brought up to date, and what they held in it. */
  readonly #undigested = new Map<KeyString, Resource | undefined>();
  #held = new HeldValues();
  #revision = 0;

  static from(capture: ConfigCapture): ConfigState {
    const state = new ConfigState();
    for (const resource of capture.resources) state.#put(resource);
    for (const [id, verdict] of capture.verdicts) state.#verdicts.set(id, verdict);
    state.#held = HeldValues.from(capture.held ?? []);
    state.#revision = capture.revision;
    return state;
  }

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#table.size;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#table.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#table.list(type, mesh);
  }

  ofMesh(mesh: string): Iterable<Resource> {
    return this.#table.ofMesh(mesh);
  }

  all(): Iterable<Resource> {
    return this.#table.all();
  }

  /** What a pinned zone has in place of what is here; undefined if it is not pinned. */
  heldFor(zone: string): HeldZone | undefined {
    return this.#held.of(zone);
  }

  verdictOf(id: string): Verdict | undefined {
    return this.#verdicts.get(id);
  }

  /** Equal in every process that folded the same log to the same revision. */
  checksum(): string {
    this.#digestAll();
    return this.#digest.at(this.#revision);
  }

  /** Digest of every resource, to name the keys in which two processes differ when their checksums do. */
  digests(): Map<KeyString, string> {
    const digests = new Map<KeyString, string>();
    for (const resource of this.all()) digests.set(keyString(resource), Buffer.from(resourceDigest(resource)).toString("hex"));
    return digests;
  }

  /** Takes over what `fold` decided about the record of `revision`. */
  apply(revision: number, outcome: Outcome): void {
    this.#revision = revision;
    if (outcome.repeated) return;
    this.#held.note(outcome.writes, this.#table);
    for (const write of outcome.writes) {
      if (write.resource) this.#put(write.resource);
      else this.#delete(write.key);
    }
    // The changed keys of an old verdict are of no use to a retry, and may be many.
    this.#verdicts.set(outcome.id, outcome.verdict.accepted ? { ...outcome.verdict, changed: [] } : outcome.verdict);
  }

  /** Passes over a record that no process can read. */
  skip(revision: number): void {
    this.#revision = revision;
  }

  /** Resources are shared, not copied: they are never changed in place. */
  capture(): ConfigCapture {
    const held = this.#held.capture();
    return {
      revision: this.#revision,
      checksum: this.checksum(),
      resources: [...this.all()],
      verdicts: [...this.#verdicts],
      ...(held.length > 0 && { held }),
    };
  }

  #put(resource: Resource): void {
    this.#note(resource);
    this.#table.set(resource);
  }

  #delete(key: ResourceKey): void {
    this.#note(key);
    this.#table.delete(key);
  }

  /** What is written again and again between two checksums is hashed once. */
  #note(key: ResourceKey): void {
    const text = keyString(key);
    if (this.#undigested.has(text)) return;
    // Not ever more: whoever wants the checksum is not to wait for all of them.
    if (this.#undigested.size >= mostUndigested) this.#digestAll();
    this.#undigested.set(text, this.#table.get(key.type, key.mesh, key.name));
  }

  #digestAll(): void {
    for (const [text, before] of this.#undigested) {
      const { type, mesh, name } = parseKeyString(text);
      const now = this.#table.get(type, mesh, name);
      if (before === now) continue;
      if (before) this.#digest.remove(resourceDigest(before));
      if (now) this.#digest.add(resourceDigest(now));
    }
    this.#undigested.clear();
  }
}
