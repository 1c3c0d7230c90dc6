import { LogError } from "@atoll/event-log";
import type { ChangeSet, ResourceReader, Verdict, WatchedReader } from "@atoll/replica";
import { type RolloutSpec, isUnderWay, keyOfChange, keyString, rolloutType } from "@atoll/resource";
import { type Judgement, type Observed, faultsOf, judgeStage } from "./judge-stage.ts";
import { type CountRequests, RequestCounter, type RequestCounterOptions } from "./request-counter.ts";
import { type Rollout, type Step, type StepBy, endStep, holdStep, passStep } from "./steps.ts";

/** Who makes the steps that nobody asks for. */
export const driverAuthor = "roll-out";

export interface RolloutDriverOptions extends Pick<RequestCounterOptions, "clock" | "later"> {
  config: WatchedReader & { submit(changeSet: ChangeSet): Promise<Verdict> };
  fleet: {
    applied(): Observed["applied"];
    faults(): Observed["faults"];
    /** Calls when one of these may be something else. Returns the unsubscribe function. */
    watch(listener: () => void): () => void;
  };
  /** Absent: gates on errors are never passed by themselves. */
  count?: CountRequests;
  newId: () => string;
  /** A step was made here. */
  onStep?: (step: { rollout: string; state: RolloutSpec["state"]; stage: number; why?: string }) => void;
  onError: (error: unknown) => void;
}

/**
 * Takes roll-outs from stage to stage. Any number of processes do so for one log: each step expects the record of the one before, so a step
 * is made once, and who was late looks at what there is then.
 */
export class RolloutDriver {
  readonly #options: RolloutDriverOptions;
  readonly #unwatch: (() => void)[];
  readonly #counters = new Map<string, { of: string; counter: RequestCounter }>();
  readonly #submitting = new Set<string>();
  #cancel: (() => void) | undefined;
  #scheduled = false;
  #closed = false;

  constructor(options: RolloutDriverOptions) {
    this.#options = options;
    this.#unwatch = [options.config.watch(() => this.look()), options.fleet.watch(() => this.look())];
    this.look();
  }

  /** What each roll-out under way waits for, by name. */
  waits(): Record<string, string[]> {
    return Object.fromEntries(
      this.#underWay()
        .filter(isRunning)
        .map((rollout): [string, string[]] => {
          const judged = this.#judge(rollout);
          return [rollout.name, judged.verdict === "waits" ? judged.for : []];
        }),
    );
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    for (const unwatch of this.#unwatch) unwatch();
    for (const { counter } of this.#counters.values()) counter.close();
  }

  /** Something may be different. Once for all that happens in one turn of the event loop. */
  look(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#look();
    });
  }

  #look(): void {
    const underWay = this.#underWay();
    this.#count(underWay.filter(isRunning));
    const times: number[] = [];
    for (const rollout of underWay) {
      const judged = this.#judge(rollout);
      // A person decides over one that is held, but of what somebody else has overwritten nothing is left to decide.
      if (rollout.spec.state === "held" && judged.verdict !== "superseded") continue;
      if (judged.verdict === "waits") times.push(...(judged.atMs === undefined ? [] : [judged.atMs]));
      else void this.#step(rollout, judged);
    }
    this.#cancel?.();
    this.#cancel = undefined;
    if (times.length === 0) return;
    const { clock, later } = this.#options;
    this.#cancel = later(Math.max(1, Math.min(...times) - clock()), () => this.look());
  }

  #underWay(): Rollout[] {
    return this.#options.config.list<RolloutSpec>(rolloutType).filter(({ spec }) => isUnderWay(spec));
  }

  #judge(rollout: Rollout): Judgement {
    const { config, clock, fleet } = this.#options;
    const requests = this.#counters.get(rollout.name)?.counter.requests;
    const observed = { nowMs: clock(), applied: fleet.applied(), faults: fleet.faults(), ...(requests && { requests }) };
    return judgeStage(rollout, config, observed);
  }

  /** Keeps one counter for each stage whose gate asks for it. */
  #count(running: readonly Rollout[]): void {
    const { count, clock, later, onError } = this.#options;
    const wanted = new Map(
      running
        .filter(({ spec }) => count && (spec.stages[spec.stage]?.gate?.errors ?? []).length > 0)
        .map((rollout) => [rollout.name, rollout]),
    );
    for (const [name, { of, counter }] of this.#counters) {
      const rollout = wanted.get(name);
      if (rollout && stageOf(rollout) === of) continue;
      counter.close();
      this.#counters.delete(name);
    }
    for (const [name, rollout] of wanted) {
      if (this.#counters.has(name)) continue;
      const counter = new RequestCounter(rollout, { count: count!, clock, later, onError, onCounted: () => this.look() });
      this.#counters.set(name, { of: stageOf(rollout), counter });
    }
  }

  async #step(rollout: Rollout, judged: Exclude<Judgement, { verdict: "waits" }>): Promise<void> {
    const { name } = rollout;
    if (this.#submitting.has(name)) return;
    this.#submitting.add(name);
    const { config, clock, fleet, newId, onStep, onError } = this.#options;
    const by: StepBy = { at: new Date(clock()).toISOString(), author: driverAuthor, ...("why" in judged && { why: judged.why }) };
    try {
      const step = stepOf(rollout, judged, by, fleet.faults());
      const verdict = await config.submit(changeSetOf(rollout, step, by, config, newId()));
      if (verdict.accepted) {
        const { state, stage, why } = (step.changes.at(-1) as { resource: { spec: RolloutSpec } }).resource.spec;
        onStep?.({ rollout: name, state, stage, ...(why !== undefined && { why }) });
      }
    } catch (error) {
      if (!(error instanceof LogError && error.code === "closed")) onError(error);
    } finally {
      this.#submitting.delete(name);
      this.look();
    }
  }
}

const isRunning = ({ spec }: Rollout): boolean => spec.state === "running";
const stageOf = ({ spec }: Rollout): string => `${spec.stage} ${spec.since}`;

function stepOf(rollout: Rollout, judged: Exclude<Judgement, { verdict: "waits" }>, by: StepBy, faults: Observed["faults"]): Step {
  if (judged.verdict === "superseded") return endStep(rollout, "aborted", by);
  if (judged.verdict === "passed") return passStep(rollout, by, knownFaults(rollout, faults));
  return rollout.spec.onFailure === "rollback" ? endStep(rollout, "rolledBack", by) : holdStep(rollout, by);
}

/** What is let pass from now on: what was let pass before, and what there is where it has come. */
export const knownFaults = (rollout: Rollout, faults: Observed["faults"]): string[] => [
  ...new Set([...rollout.spec.known, ...faultsOf(rollout, faults).map(({ key }) => key)]),
];

/** A step as a record: whatever it writes or relies on is as it was when it was decided, or it is not made. */
function changeSetOf(
  { name, spec }: Rollout,
  { changes, reliedOn }: Step,
  { at, author, why }: StepBy,
  state: ResourceReader,
  id: string,
): ChangeSet {
  const keys = [...changes.map(keyOfChange), ...reliedOn];
  const expect = new Map(keys.map((key) => [keyString(key), state.get(key.type, key.mesh, key.name)?.revision ?? null]));
  const reason = `roll-out ${name}${why === undefined ? "" : `: ${why}`}${spec.reason === undefined ? "" : ` (${spec.reason})`}`;
  return { id, at, author, reason, changes, expect: [...expect].map(([key, revision]) => ({ key, revision })) };
}
