/** A stage of a roll-out as it is written and shown. */
export interface StageAnswer {
  zones: string[];
  /** Percent of the proxies of these zones; absent = all. */
  share?: number;
  gate?: {
    /** Such as 30s. */
    minTime?: string;
    errors?: { cluster: string; maxPercent: number }[];
  };
}

/** Of `GET /rollouts` and `GET /rollouts/NAME`. */
export interface RolloutAnswer {
  name: string;
  reason?: string;
  author: string;
  state: "running" | "held" | "done" | "aborted" | "rolledBack";
  /** `stage 2 of 3`, `held at stage 2 of 3`, or how it ended. */
  progress: string;
  /** The newest stage that began, from 1. */
  stage: number;
  /** RFC 3339: when that was, or when it ended. */
  since: string;
  /** Of its newest step. */
  revision: number;
  onFailure: "hold" | "rollback";
  /** Why it is held, or ended. */
  why?: string;
  /** What it waits for, while it runs. */
  waits?: string[];
  /** `Type/mesh/name` of what it changes. */
  changes: string[];
  stages: StageAnswer[];
  zones: { name: string; /** Percent of its proxies that it has come to. */ share: number; proxies: number; applied: number | null }[];
  /** Oldest first. */
  steps: { at: string; stage: number; state: string; author: string; why?: string }[];
}

/** Of `GET /zone-pins`. */
export interface ZonePinAnswer {
  zone: string;
  /** Whose configuration the zone has. */
  revision: number;
  /** When that was decided, RFC 3339. */
  since: string;
  author: string;
  reason?: string;
  /** `Type/mesh/name` of what it has otherwise than the configuration now. */
  held: string[];
}
