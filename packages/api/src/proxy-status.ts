import { dataplaneStatus, type DataplaneInsightSpec, type DataplaneSpec } from "@atoll/resource";

export interface StatusCount {
  total: number;
  online: number;
  offline: number;
  partiallyDegraded: number;
}

const fields = { Online: "online", Offline: "offline", "Partially degraded": "partiallyDegraded" } as const;
export type StatusField = (typeof fields)[keyof typeof fields];

export const statusFieldOf = (spec: DataplaneSpec, insight: DataplaneInsightSpec | undefined): StatusField =>
  fields[dataplaneStatus(spec, insight)];

export const noStatus = (): StatusCount => ({ total: 0, online: 0, offline: 0, partiallyDegraded: 0 });

export function count(counter: StatusCount, status: StatusField): void {
  counter.total++;
  counter[status]++;
}

export function add(counter: StatusCount, other: StatusCount): void {
  for (const key of Object.keys(other) as (keyof StatusCount)[]) counter[key] += other[key];
}

/** Zeros are left out, as everywhere in documents. */
export const withoutZeros = (counts: object): object => Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0));
