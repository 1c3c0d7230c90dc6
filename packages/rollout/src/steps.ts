import { type ResourceReader, isInEffect, valueDigest } from "@atoll/replica";
import {
  type Change,
  type KeyString,
  type Resource,
  type ResourceKey,
  type RolloutSpec,
  type RolloutState,
  isUnderWay,
  keyOfChange,
  keyString,
  parseKeyString,
  rolloutOrderType,
  rolloutType,
} from "@atoll/resource";

/** Ended roll-outs that are kept to be shown. */
const mostEnded = 20;

export type Rollout = Resource<RolloutSpec>;

/** Who makes a step, when (RFC 3339), and why. */
export interface StepBy {
  at: string;
  author: string;
  why?: string;
}

/** What one record writes: everything that it changes is expected to be as it was when this was decided. */
export interface Step {
  changes: Change[];
  reliedOn: ResourceKey[];
}

export type NewRollout = Pick<RolloutSpec, "changes" | "stages" | "onFailure" | "reason" | "known"> & { name: string };

const orderKey: ResourceKey = { type: rolloutOrderType, mesh: "", name: "starts" };

/** What a roll-out begins with: its first stage. Of two that begin at once one has to decide again, so that each knows of the other. */
export function startStep({ name, ...rest }: NewRollout, state: ResourceReader, { at, author }: StepBy): Step {
  const base = Object.fromEntries(
    rest.changes.map((change) => {
      const { type, mesh, name: own } = keyOfChange(change);
      return [keyString(keyOfChange(change)), valueDigest(state.get(type, mesh, own))];
    }),
  );
  const begun = { at, stage: 0, state: "running" as const, author };
  const spec: RolloutSpec = { ...rest, author, base, state: "running", stage: 0, since: at, steps: [begun] };
  const ended = state
    .list<RolloutSpec>(rolloutType)
    .filter((one) => !isUnderWay(one.spec) && one.name !== name)
    .toSorted((a, b) => b.revision - a.revision)
    .slice(mostEnded - 1);
  return {
    changes: [
      { op: "put", resource: { type: rolloutType, mesh: "", name, spec } },
      { op: "put", resource: { ...orderKey, spec: { newest: name } } },
      ...ended.map(({ name: old }): Change => ({ op: "delete", key: { type: rolloutType, mesh: "", name: old } })),
    ],
    reliedOn: rest.changes.map(keyOfChange),
  };
}

/** The gate of the present stage is passed: the next one begins or, after the last, the changes are made for all. */
export function passStep(rollout: Rollout, { at, author, why }: StepBy, known: readonly string[]): Step {
  const { spec } = rollout;
  const stage = spec.stage + 1;
  if (stage < spec.stages.length) {
    const { why: _before, ...rest } = spec;
    return stepTo(rollout, { ...rest, stage, state: "running", since: at, known: [...known] }, { at, author, why });
  }
  const { changes, reliedOn } = stepTo(
    rollout,
    { ...spec, stage, state: "done", changes: [], since: at, why: undefined },
    { at, author, why },
  );
  const order = (change: Change) => (change.op === "put" ? 0 : 1);
  return {
    changes: [...spec.changes.toSorted((a, b) => order(a) - order(b)), ...changes],
    reliedOn: [...reliedOn, ...meshesOf(spec)],
  };
}

export const holdStep = (rollout: Rollout, by: StepBy): Step => stepTo(rollout, { ...rollout.spec, state: "held", why: by.why }, by);

/** Where it has come, there is again what was before. */
export const endStep = (rollout: Rollout, state: "aborted" | "rolledBack", by: StepBy): Step =>
  stepTo(rollout, { ...rollout.spec, state, changes: [], since: by.at, why: by.why }, by);

function stepTo({ name, spec: before }: Rollout, spec: RolloutSpec, { at, author, why }: StepBy): Step {
  const step = { at, stage: spec.stage, state: spec.state, author, ...(why !== undefined && { why }) };
  const next = withoutUndefined({ ...spec, steps: [...before.steps, step] });
  return { changes: [{ op: "put", resource: { type: rolloutType, mesh: "", name, spec: next } }], reliedOn: [] };
}

const withoutUndefined = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Value;

/** A mesh that is gone takes what is changed in it along. */
const meshesOf = ({ base }: RolloutSpec): ResourceKey[] =>
  [...new Set(Object.keys(base).map((key) => parseKeyString(key).mesh))]
    .filter((mesh) => mesh !== "")
    .map((name) => ({ type: "Mesh", mesh: "", name }));

/** The roll-out under way that changes a key, if there is one that still counts. */
export const rolloutOf = (key: KeyString, state: ResourceReader): Rollout | undefined =>
  state.list<RolloutSpec>(rolloutType).find((one) => key in one.spec.base && isInEffect(one, state));

/** `stage 2 of 3`, or how it ended. */
export function progressText({ stages, stage, state }: Pick<RolloutSpec, "stages" | "stage" | "state">): string {
  const ended: Partial<Record<RolloutState, string>> = { done: "done", aborted: "aborted", rolledBack: "rolled back" };
  return ended[state] ?? `${state === "held" ? "held at " : ""}stage ${stage + 1} of ${stages.length}`;
}
