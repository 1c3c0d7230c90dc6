import { type KeyString, type Resource, rolloutType, zonePinType } from "@atoll/resource";
import { Listeners } from "../listeners.ts";
import type { ChangeEvent, ResourceReader, WatchedReader } from "../reader.ts";
import { OverlaidReader } from "./overlay.ts";
import { type DecidedState, type ZoneDecision, decisionFor, isInShare } from "./zone-decision.ts";

type WatchedState = DecidedState & WatchedReader & { readonly revision: number };

/** What some of the zone's proxies have. */
export interface TrialReader {
  /** Another one whenever other proxies may be among them. */
  key: string;
  rollout: string;
  share: number;
  reader: ResourceReader;
  takes(nodeId: string): boolean;
}

/**
 * The configuration as it holds in one zone: with the changes of roll-outs that have reached it, or as it was when the zone was pinned.
 * Follows the configuration; what it says at a revision is the same in every process of the zone.
 */
export class ZoneInEffect implements ResourceReader {
  readonly zone: string;
  readonly #config: WatchedState;
  readonly #listeners: Listeners<ChangeEvent>;
  #decision: ZoneDecision;
  #reader!: ResourceReader;
  #trial: TrialReader | undefined;

  constructor(zone: string, config: WatchedState, onError: (error: unknown) => void = () => {}) {
    this.zone = zone;
    this.#config = config;
    this.#listeners = new Listeners(onError);
    this.#decision = decisionFor(zone, config);
    this.#read();
    config.watch((event) => this.#changed(event));
  }

  get revision(): number {
    return this.#config.revision;
  }

  get decision(): ZoneDecision {
    return this.#decision;
  }

  /** Undefined while all proxies of the zone have the same. */
  get trial(): TrialReader | undefined {
    return this.#trial;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#reader.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.#reader.list(type, mesh);
  }

  /** Keys that may be different now: for the zone, or for those of its proxies that have more. Sent after it is visible here. */
  watch(listener: (event: ChangeEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  #changed({ revision, keys }: ChangeEvent): void {
    const before = this.#decision;
    // What a pinned zone holds follows every change in the same object, unless more is different than what changed.
    const isPinned = before.pinnedAt !== undefined && this.#config.heldFor(this.zone)?.values === before.overlay;
    if (!keys.some((key) => concernsDecisions(key, before)) && (isPinned || before.pinnedAt === undefined)) {
      return this.#listeners.send({ revision, keys });
    }
    this.#decision = decisionFor(this.zone, this.#config);
    this.#read();
    const changed = new Set(keys);
    for (const overlay of new Set([before.overlay, before.trial?.overlay, this.#decision.overlay, this.#decision.trial?.overlay])) {
      if (overlay) for (const [key] of overlay.entries()) changed.add(key);
    }
    this.#listeners.send({ revision, keys: [...changed] });
  }

  #read(): void {
    const { overlay, trial, pinnedAt } = this.#decision;
    this.#reader = overlay.size === 0 && pinnedAt === undefined ? this.#config : new OverlaidReader(this.#config, overlay);
    this.#trial = trial && {
      key: `${trial.rollout}|${trial.share}`,
      rollout: trial.rollout,
      share: trial.share,
      reader: new OverlaidReader(this.#config, trial.overlay),
      takes: (nodeId) => isInShare(trial.rollout, trial.share, nodeId),
    };
  }
}

/** Whether a key can change what is decided for the zone: a decision, or what a roll-out relied on. */
const concernsDecisions = (key: KeyString, { reliesOn }: ZoneDecision): boolean =>
  key.startsWith(`${rolloutType}/`) || key.startsWith(`${zonePinType}/`) || reliesOn.has(key);

/** What held in a zone, or for one of its proxies, at a state of the past. */
export const inEffectAt = (zone: string, state: DecidedState, nodeId?: string): ResourceReader =>
  inEffectBy(decisionFor(zone, state), state, nodeId);

/** The same, where it is known what was decided for the zone. */
export function inEffectBy({ overlay, trial }: ZoneDecision, state: DecidedState, nodeId?: string): ResourceReader {
  const isTrial = trial && nodeId !== undefined && isInShare(trial.rollout, trial.share, nodeId);
  return new OverlaidReader(state, isTrial ? trial.overlay : overlay);
}
