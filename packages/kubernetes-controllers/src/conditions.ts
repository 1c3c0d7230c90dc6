/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/condition, as `kubectl describe` shows it. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** RFC 3339, in seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** A condition as it follows from what is there; since when it holds is known only from what was written before. */
export type ConditionDraft = Pick<Condition, "type" | "status" | "reason"> & { readonly message?: string };

export type Clock = () => Date;

/** When and for which generation of the object conditions are judged. */
export interface Judgement {
  readonly now: Clock;
  readonly generation: number | undefined;
}

/** The conditions in full: one that has the status it had before keeps its time. */
export function conditionsFrom(
  drafts: readonly ConditionDraft[],
  before: readonly Condition[] | undefined,
  { now, generation }: Judgement,
): Condition[] {
  return drafts.map(({ type, status, reason, message = "" }) => {
    const former = before?.find((condition) => condition.type === type);
    const lastTransitionTime = former?.status === status ? former.lastTransitionTime : rfc3339(now());
    return { type, status, reason, message, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  });
}

const rfc3339 = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
