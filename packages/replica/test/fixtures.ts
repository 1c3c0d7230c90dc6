import { EmbeddedLog } from "@atoll/event-log";
import { type KeyString, type ResourceDraft, type ResourceKey, keyString } from "@atoll/resource";
import type { Change, ChangeSet } from "../src/index.ts";

export const key = (type: string, mesh: string, name: string): KeyString => keyString({ type, mesh, name });

export const put = (type: string, mesh: string, name: string, spec: unknown = {}, labels?: Record<string, string>): Change => ({
  op: "put",
  resource: { type, mesh, name, spec, ...(labels ? { labels } : {}) } satisfies ResourceDraft,
});

export const remove = (type: string, mesh: string, name: string): Change => ({
  op: "delete",
  key: { type, mesh, name } satisfies ResourceKey,
});

let ids = 0;

/** A change set with an id of its own. */
export function changeSet(changes: Change[], more: Partial<ChangeSet> = {}): ChangeSet {
  return { id: `change-${++ids}`, at: "2026-01-01T00:00:00Z", author: "test", changes, expect: [], ...more };
}

export const memoryLog = (): Promise<EmbeddedLog> => EmbeddedLog.open({ path: ":memory:" });
