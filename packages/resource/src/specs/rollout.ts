import type { Change } from "../change.ts";
import type { KeyString, Resource } from "../resource.ts";

/** Types of records of the configuration that say what holds where. Services only write and read them; REST has routes of their own. */
export const rolloutType = "Rollout";
export const zonePinType = "ZonePin";
/** One record, `RolloutOrder//starts`, that every start of a roll-out writes: of two at once one loses, and decides anew. */
export const rolloutOrderType = "RolloutOrder";

/** Kinds that every zone has at once: identities, and who may be let in, are nothing to have an old version of. */
const sameEverywhere = new Set(["Mesh", "Zone", "Secret", "GlobalSecret", "TokenVerificationKey", "Config"]);
const ofDecisions = new Set([rolloutType, zonePinType, rolloutOrderType]);

/** Whether a zone can have another version of resources of this type than others have. */
export const isStaged = (type: string): boolean => !sameEverywhere.has(type) && !ofDecisions.has(type);

/** Kinds from which a zone's names and services are made, which are the same for all of its proxies. */
const ofWholeZones = new Set([
  "ExternalService",
  "HostnameGenerator",
  "MeshExternalService",
  "MeshGateway",
  "MeshMultiZoneService",
  "MeshService",
  "VirtualOutbound",
]);

/** Whether some of a zone's proxies can have another version of resources of this type than the others. */
export const isShareable = (type: string): boolean => isStaged(type) && !ofWholeZones.has(type);

/** What has to hold before the next stage begins. */
export interface RolloutGate {
  /** How long the stage lasts at least, in milliseconds. */
  minTimeMs?: number;
  /** Of requests to Envoy clusters, by the callers in the stage: the highest share, in percent, that may fail with a 5xx. */
  errors?: { cluster: string; maxPercent: number }[];
}

export interface RolloutStage {
  zones: string[];
  /** Percent of the proxies of these zones; absent = all of them. */
  share?: number;
  gate?: RolloutGate;
}

/** `running` waits for its gate; `held` for a person. The others have ended: only after `done` do the changes hold everywhere. */
export type RolloutState = "running" | "held" | "done" | "aborted" | "rolledBack";

export interface RolloutStep {
  /** RFC 3339. */
  at: string;
  /** From 0; the number of stages once all are passed. */
  stage: number;
  state: RolloutState;
  author: string;
  why?: string;
}

/**
 * A change set that takes effect in stages. Until it is done the configuration has what was there before, and the changes are in effect
 * where a stage has reached. It ends by itself when somebody else wrote one of its keys.
 */
export interface RolloutSpec {
  reason?: string;
  author: string;
  /** Sealed, as a change set would have them. Empty once the roll-out has ended. */
  changes: Change[];
  /** Every key that changes, and a digest of the value that it is changed from (`valueDigest`); null = there was none. */
  base: Record<KeyString, string | null>;
  stages: RolloutStage[];
  onFailure: "hold" | "rollback";
  state: RolloutState;
  /** The newest stage that was begun, from 0. */
  stage: number;
  /** When it began, or the roll-out ended, RFC 3339. */
  since: string;
  /** Why it is held, or ended. */
  why?: string;
  /** Faults that were known when the stage began, or that somebody let pass: they are no reason to hold. */
  known: string[];
  /** Oldest first. */
  steps: RolloutStep[];
}

/**
 * A zone that keeps what it had. The values that differ from the configuration are kept by the fold. With `values` the zone goes to another
 * revision: these are different there from what the zone has.
 */
export interface ZonePinSpec {
  /** Whose configuration the zone has; without `values` what was there before the record, whatever this says (`pinnedRevision`). */
  revision: number;
  reason?: string;
  author: string;
  values?: [KeyString, Resource | null][];
}

export const isUnderWay = ({ state }: Pick<RolloutSpec, "state">): boolean => state === "running" || state === "held";
