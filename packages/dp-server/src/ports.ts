import type { Resource, ResourceDraft, ResourceKey } from "@atoll/resource";
import type { WatchedReader } from "@atoll/replica";

/** The zone's own log, folded: what this zone's proxies are and what was observed of them. */
export interface ZoneStore extends WatchedReader {
  /** Resolves when the record is durable, unless that is not wanted, and folded here; equal content appends nothing. */
  put(resource: ResourceDraft | Resource, options?: { durable?: boolean }): Promise<unknown>;
  delete(key: ResourceKey): Promise<unknown>;
}

export interface Clock {
  now(): Date;
}

/** Structural subset of a pino logger. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
